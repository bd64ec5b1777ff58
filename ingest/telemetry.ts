import { metrics } from '@opentelemetry/api'
import type { SignalKind } from './intake.ts'

const meter = metrics.getMeter('postflight')

const requests = meter.createCounter('postflight.ingest.requests', {
  description: 'OTLP requests answered, by signal and HTTP status',
  unit: '{request}',
})
const records = meter.createCounter('postflight.ingest.records', {
  description:
    'Log records, spans and data points by what became of them: stored, or dead_letter with the reason',
  unit: '{record}',
})
const bodyBytes = meter.createCounter('postflight.ingest.bytes', {
  description: 'Bytes of OTLP request bodies after decompression',
  unit: 'By',
})
const replacedTexts = meter.createCounter('postflight.ingest.replaced_texts', {
  description: 'Texts that were not valid UTF-8: U+FFFD stands for what could not be read',
  unit: '{text}',
})
const insertSeconds = meter.createHistogram('postflight.ingest.insert.duration', {
  description: 'Time that ClickHouse took for one insert, retries included, by table and outcome',
  unit: 's',
})
const insertRows = meter.createHistogram('postflight.ingest.insert.rows', {
  description: 'Rows of one insert, by table',
  unit: '{row}',
})
const pendingBytes = meter.createUpDownCounter('postflight.ingest.pending.bytes', {
  description: 'Bytes of rows gathered or being inserted, not yet acknowledged',
  unit: 'By',
})

export function requestAnswered(signal: SignalKind | 'none', status: number): void {
  requests.add(1, { signal, status })
}

export function recordsAcknowledged(signal: SignalKind, stored: number, bytes: number): void {
  if (stored > 0) records.add(stored, { signal, outcome: 'stored' })
  bodyBytes.add(bytes, { signal })
}

export function recordsDeadLettered(signal: SignalKind, code: string, count: number): void {
  records.add(count, { signal, outcome: 'dead_letter', code })
}

export function textsReplaced(table: string, count: number): void {
  if (count > 0) replacedTexts.add(count, { table })
}

export function blockInserted(
  table: string,
  outcome: 'ok' | 'failed',
  rows: number,
  milliseconds: number,
): void {
  insertSeconds.record(milliseconds / 1000, { table, outcome })
  insertRows.record(rows, { table })
}

export function pendingChanged(bytes: number): void {
  pendingBytes.add(bytes)
}
