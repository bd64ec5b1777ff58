import { INSTANCES_LOOKED_UP } from '../signals/bounded-instance.ts'
import type { Store } from './client.ts'

/** Whose instances are bounded together. */
export interface Fleet {
  readonly service: string
  readonly environment: string
  readonly version: string
}

/** From `since` on (seconds since the epoch) an instance keeps its name on a day; of `(other)`: the rest is put together. */
export interface KeptInstance extends Fleet {
  /** True: in what is counted of the past. */
  readonly history: boolean
  /** `YYYY-MM-DD`, UTC. */
  readonly day: string
  readonly instance: string
  readonly since: number
}

/** Writes down what is kept, then makes views see it. */
export async function keepInstances(store: Store, rows: readonly KeptInstance[]): Promise<void> {
  if (rows.length === 0) return
  await store.insert('kept_instance', rows)
  await fillInstances(store)
}

/** Puts what is written down into the table in memory, which forgets it when the server starts. Before anything is counted. */
export async function fillInstances(store: Store): Promise<void> {
  const key = 'service, environment, version, history, day, instance'
  await store.command(
    `INSERT INTO ${INSTANCES_LOOKED_UP}
    SELECT ${key}, toUInt32(toUnixTimestamp(argMin(kept.since, added_at))) AS since
    FROM kept_instance AS kept
    GROUP BY ${key}
    HAVING since != joinGet({table:String}, 'since', ${key})`,
    { table: INSTANCES_LOOKED_UP },
  )
}
