import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { loadCells } from '../../analytics/queries/cells.ts'
import { mergeCells } from '../../analytics/queries/merge-cells.ts'
import { signalLines } from '../../analytics/queries/signal-lines.ts'
import { histogramQuantile } from '../../schemas/histogram.ts'
import { buildCatalogue } from '../../schemas/signals/catalogue.ts'
import { type RunningIngest, startIngest } from './postflight.ts'

const catalogue = buildCatalogue()
let ingest: RunningIngest
beforeAll(async () => {
  ingest = await startIngest()
}, 120_000)
afterAll(() => ingest?.close())

interface Sending {
  readonly names: 'present' | 'older'
  readonly temporality: 'cumulative' | 'delta'
  readonly buckets: 'explicit' | 'exponential'
  readonly spans: boolean
}

/** Runs the program as a user would, and gives what its calls and queries are read as. */
async function sendAndRead(service: string, sending: Sending) {
  const from = Math.floor(Date.now() / 60_000) * 60
  await promisify(execFile)(
    process.execPath,
    [join(import.meta.dirname, 'duration-sender.ts'), sending.names, sending.buckets],
    {
      env: {
        PATH: process.env['PATH'],
        OTEL_SERVICE_NAME: service,
        OTEL_RESOURCE_ATTRIBUTES: 'service.version=1.0,deployment.environment.name=test',
        OTEL_EXPORTER_OTLP_ENDPOINT: ingest.url,
        OTEL_METRICS_EXPORTER: 'otlp',
        OTEL_METRIC_EXPORT_INTERVAL: '400',
        OTEL_METRIC_EXPORT_TIMEOUT: '400',
        OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: sending.temporality,
        OTEL_TRACES_EXPORTER: sending.spans ? 'otlp' : 'none',
        OTEL_LOGS_EXPORTER: 'none',
        OTEL_NODE_RESOURCE_DETECTORS: 'env',
      },
    },
  )
  const signals = ['latency.client', 'errors.client', 'db.duration', 'db.errors'].map((id) =>
    catalogue.signal(id),
  )
  const set = await loadCells(ingest.store, catalogue, {
    service,
    environment: 'test',
    from,
    to: from + 600,
    signals,
  })
  return Object.fromEntries(
    signals.map((signal) => [
      signal.id,
      [...signalLines(set, signal, ['1.0'])].map(([dimension, cells]) => {
        const all = mergeCells([cells])
        const sum = (value: 'count' | 'bad' | 'sum') => all.reduce((total, cell) => total + cell[value], 0)
        const histogram = new Map<number, number>()
        for (const cell of all)
          for (const [bucket, n] of cell.histogram ?? [])
            histogram.set(bucket, (histogram.get(bucket) ?? 0) + n)
        return {
          dimension,
          count: sum('count'),
          bad: sum('bad'),
          seconds: sum('sum'),
          ...(signal.kind === 'distribution' ? { median: histogramQuantile(histogram, 0.5) } : {}),
        }
      }),
    ]),
  )
}

it.each<[string, Sending]>([
  ['explicit', { names: 'present', temporality: 'cumulative', buckets: 'explicit', spans: false }],
  ['deltas', { names: 'present', temporality: 'delta', buckets: 'explicit', spans: false }],
  [
    'exponential',
    {
      names: 'present',
      temporality: 'cumulative',
      buckets: 'exponential',
      spans: false,
    },
  ],
  [
    'exponential-deltas',
    {
      names: 'present',
      temporality: 'delta',
      buckets: 'exponential',
      spans: false,
    },
  ],
  ['older-names', { names: 'older', temporality: 'cumulative', buckets: 'explicit', spans: false }],
  ['with-spans', { names: 'present', temporality: 'delta', buckets: 'explicit', spans: true }],
  ['older-with-spans', { names: 'older', temporality: 'delta', buckets: 'explicit', spans: true }],
])(
  'calls and queries of the SDK’s meter are counted once: %s',
  { timeout: 60_000 },
  async (service, sending) => {
    const count = 30
    const read = await sendAndRead(service, sending)
    // Of explicit buckets it is known which one a value fell into.
    const median = (lower: number, upper: number, value: number) => {
      const isExact = sending.spans || sending.buckets !== 'explicit'
      return expect.toSatisfy((seen: number) =>
        isExact ? Math.abs(seen / value - 1) < 0.03 : seen > lower * 0.98 && seen < upper * 1.02,
      )
    }
    const calls = { dimension: 'payments', count, bad: count / 5, seconds: expect.closeTo(count * 0.2, 6) }
    const queries = {
      dimension: 'SELECT cart',
      count,
      bad: count / 5,
      seconds: expect.closeTo(count * 0.02, 6),
    }

    expect(read).toEqual({
      'errors.client': [calls],
      'latency.client': [{ ...calls, median: median(0.1, 0.25, 0.2) }],
      'db.errors': [queries],
      'db.duration': [{ ...queries, median: median(0.01, 0.05, 0.02) }],
    })
  },
)
