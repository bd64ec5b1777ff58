import { sha256 } from '../../schemas/sha256.ts'
import type { Store } from '../../schemas/store/client.ts'
import { withQuery } from '../../schemas/store/with-query.ts'
import { digestRows } from './digest.ts'

export interface Witness {
  /** Reads like the store it stands for, and remembers what came. */
  readonly store: Store
  /** Digest of the telemetry that was read so far, and of the quiet past; hexadecimal. */
  readings(): { readonly telemetry: string; readonly quietPast: string }
}

/**
 * Looks on while a report is computed: whatever a query brings is an input, so none can be forgotten. Queries may run at the same time and in any
 * order. Examples of raw telemetry (which age sooner than the rollups and enter no number) and deployments (of which later news enter no
 * number) do not count here.
 */
export function witness(store: Store): Witness {
  const seen: Record<'telemetry' | 'quietPast', string[]> = { telemetry: [], quietPast: [] }
  return {
    store: withQuery(store, async <T>(...call: Parameters<Store['query']>) => {
      const rows = await store.query<T>(...call)
      const [sql, params = {}] = call
      const input = inputOf(sql)
      if (input !== undefined) {
        // The same rows are another input if another question was asked.
        seen[input].push(`${sha256(JSON.stringify([sql, params]))}:${digestRows(rows as object[])}`)
      }
      return rows
    }),
    readings: () => ({ telemetry: combine(seen.telemetry), quietPast: combine(seen.quietPast) }),
  }
}

function inputOf(sql: string): 'telemetry' | 'quietPast' | undefined {
  if (/\bFROM\s+(otel_|deployments\b|releases\b)/.test(sql)) return undefined
  return /\bFROM\s+nulls\b/.test(sql) ? 'quietPast' : 'telemetry'
}

function combine(digests: readonly string[]): string {
  return sha256([...digests].sort().join('\n'))
}
