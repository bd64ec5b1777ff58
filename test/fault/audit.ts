import { setTimeout as sleep } from 'node:timers/promises'
import { buildCatalogue } from '../../schemas/signals/catalogue.ts'
import { rollupSelect } from '../../schemas/signals/views.ts'
import type { Store } from '../../schemas/store/client.ts'
import type { Senders } from './senders.ts'

export interface Audit {
  /** Records whose requests were acknowledged. */
  readonly acknowledged: number
  /** Of these, neither stored nor dead-lettered. */
  readonly lost: number
  /** Records that are there more than once. */
  readonly duplicates: number
  /** Records in the dead-letter table. */
  readonly deadLettered: number
  /** Totals of rollups that differ from a recount of the raw rows. */
  readonly rollupMismatch: number
}

const RAW = [
  ['otel_logs', "LogAttributes['fault.id']"],
  ['otel_traces', "SpanAttributes['fault.id']"],
  ['otel_metrics_gauge', "Attributes['fault.id']"],
  ['dead_letter', 'base64Decode(payload)'],
] as const
const STORED_WITHIN = 120_000

/** Compares what was acknowledged with what is stored; waits for what Kafka still has. */
export async function audit(store: Store, senders: Senders): Promise<Audit> {
  const until = performance.now() + STORED_WITHIN
  for (;;) {
    const times = new Map<number, number>()
    let deadLettered = 0
    for (const [table, text] of RAW) {
      const rows = store.stream<{ id: number; times: number }>(
        `SELECT toUInt32OrZero(extract(${text}, 'fault-([0-9]+)[.]')) AS id, toUInt32(count()) AS times FROM ${table} GROUP BY id HAVING id > 0`,
      )
      for await (const batch of rows) {
        for (const { id, times: here } of batch) {
          times.set(id, (times.get(id) ?? 0) + here)
          if (table === 'dead_letter') deadLettered += here
        }
      }
    }
    const lost = [...senders.acknowledged].filter((id) => !times.has(id)).length
    // Behind Kafka the last insert may be under way: its rows are there before its rollups.
    const rollupMismatch = await rollupMismatches(store)
    if (lost + rollupMismatch > 0 && performance.now() < until) {
      await sleep(500)
      continue
    }
    return {
      acknowledged: senders.acknowledged.size,
      lost,
      duplicates: [...times.values()].filter((count) => count > 1).length,
      deadLettered,
      rollupMismatch,
    }
  }
}

async function rollupMismatches(store: Store): Promise<number> {
  let differing = 0
  for (const measure of buildCatalogue().measures.values()) {
    if (measure.cells !== 'signal_1m') continue
    const total = 'SELECT service, sum(cells.count) AS count, sum(cells.bad) AS bad FROM'
    const recount = await store.query(
      `${total} (${rollupSelect(measure)}) AS cells GROUP BY service ORDER BY service`,
    )
    for (const table of ['signal_1m', 'signal_1h']) {
      const where = 'WHERE measure = {measure:String} GROUP BY service ORDER BY service'
      const rollup = await store.query(`${total} ${table} AS cells ${where}`, { measure: measure.id })
      if (JSON.stringify(rollup) !== JSON.stringify(recount)) differing++
    }
  }
  return differing
}
