import { LOOKED_UP } from '../signals/bounded-dimension.ts'
import type { Store } from './client.ts'

/** From `since` on (seconds since the epoch) a value keeps its name on a day; of {@link OTHER}: the rest is put together. */
export interface KeptDimension {
  /** `boundOf` a measure. */
  readonly measure: string
  readonly service: string
  /** `YYYY-MM-DD`, UTC. */
  readonly day: string
  readonly dimension: string
  readonly since: number
}

/** Writes down what is kept, then makes views see it. */
export async function keepDimensions(store: Store, rows: readonly KeptDimension[]): Promise<void> {
  if (rows.length === 0) return
  await store.insert('kept_dimension', rows)
  await fillLookup(store)
}

/** Puts what is written down into the table in memory, which forgets it when the server starts. Before anything is counted. */
export async function fillLookup(store: Store): Promise<void> {
  await store.command(
    // Compared after rows are added up: what a condition on rows found before would be remembered (query condition cache), though this table has changed.
    `INSERT INTO ${LOOKED_UP}
    SELECT measure, service, day, dimension, argMin(kept.since, added_at) AS since
    FROM kept_dimension AS kept
    GROUP BY measure, service, day, dimension
    HAVING since != joinGet({table:String}, 'since', measure, service, day, dimension)`,
    { table: LOOKED_UP },
  )
}
