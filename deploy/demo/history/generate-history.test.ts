import { describe, expect, it } from 'vitest'
import { official } from '../../../test/conformance/official.ts'
import { planHistory } from '../truth/plan-history.ts'
import type { PlannedDeployment, Truth } from '../truth/truth.ts'
import { generateHistory, type HistoryChunk, historyStart, startOf } from './generate-history.ts'

interface Attribute {
  key: string
  value: { stringValue?: string; intValue?: string }
}
interface Span {
  traceId: string
  spanId: string
  parentSpanId?: string
  name: string
  kind: number
  startTimeUnixNano: string
  endTimeUnixNano: string
  attributes: Attribute[]
  events?: { name: string; attributes: Attribute[] }[]
  status?: { code: number }
}
interface Spans {
  service: string
  version: string
  span: Span
}

const END = Date.UTC(2026, 4, 20, 15, 30)
const truth = planHistory(1001)

function attribute(attributes: readonly Attribute[], key: string): string | undefined {
  const value = attributes.find((one) => one.key === key)?.value
  return value?.stringValue ?? value?.intValue
}

function spansOf(chunk: HistoryChunk): Spans[] {
  const message = official.traces.toObject(official.traces.decode(chunk.traces), {
    longs: String,
    bytes: String,
    enums: Number,
  }) as {
    resourceSpans: { resource: { attributes: Attribute[] }; scopeSpans: { spans: Span[] }[] }[]
  }
  return message.resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        service: attribute(resource.attributes, 'service.name') ?? '',
        version: attribute(resource.attributes, 'service.version') ?? '',
        span,
      })),
    ),
  )
}

/** The chunks that hold the time from `from` to `to`. */
function chunksOf(truth: Truth, from: number, to: number): HistoryChunk[] {
  const chunks: HistoryChunk[] = []
  for (const chunk of generateHistory({ truth, end: END, requestsPerMinute: 20, chunkMinutes: 240 })) {
    if (chunk.from >= to) break
    if (chunk.to > from) chunks.push(chunk)
  }
  return chunks
}

describe('the generated history', () => {
  const begin = historyStart(truth, END)
  const [first] = chunksOf(truth, begin, begin + 1) as [HistoryChunk]
  const spans = spansOf(first)

  it('is what an official decoder reads as whole traces', () => {
    expect(spans).toHaveLength(first.spans)
    const byId = new Map(spans.map((one) => [one.span.spanId, one]))
    expect(byId.size).toBe(spans.length)
    const roots = spans.filter((one) => one.span.parentSpanId === undefined)
    expect(new Set(roots.map((one) => one.service))).toEqual(new Set(['gateway']))
    for (const { span } of spans) {
      const start = BigInt(span.startTimeUnixNano)
      const end = BigInt(span.endTimeUnixNano)
      expect(end).toBeGreaterThan(start)
      expect(Number(start / 1_000_000n)).toBeGreaterThanOrEqual(first.from)
      if (span.parentSpanId === undefined) continue
      const parent = byId.get(span.parentSpanId)?.span
      expect(parent?.traceId).toBe(span.traceId)
      // A part of what it belongs to, but for rounding.
      expect(BigInt(parent?.endTimeUnixNano ?? '0') - end).toBeGreaterThan(-1000n)
    }
    const server = spans.find((one) => one.service === 'catalogue' && one.span.kind === 2)?.span
    expect(attribute(server?.attributes ?? [], 'http.route')).toMatch(/^\//)
    expect(attribute(server?.attributes ?? [], 'http.response.status_code')).toMatch(/^(200|500)$/)
  })

  it('is the same bytes for the same seed', () => {
    const [again] = chunksOf(truth, begin, begin + 1) as [HistoryChunk]
    expect(again.traces.equals(first.traces)).toBe(true)
    expect(again.logs.equals(first.logs)).toBe(true)
    expect(again.metrics.equals(first.metrics)).toBe(true)
  })

  it('writes logs and metrics that an official decoder reads', () => {
    const logs = official.logs.toObject(official.logs.decode(first.logs), { longs: String }) as {
      resourceLogs: { scopeLogs: { logRecords: { body: { stringValue: string } }[] }[] }[]
    }
    const records = logs.resourceLogs.flatMap((one) => one.scopeLogs.flatMap((scope) => scope.logRecords))
    expect(records).toHaveLength(first.logRecords)
    expect(records[0]?.body.stringValue).not.toBe('')
    const metrics = official.metrics.toObject(official.metrics.decode(first.metrics), { longs: String }) as {
      resourceMetrics: {
        scopeMetrics: {
          metrics: { name: string; sum?: { dataPoints: unknown[]; isMonotonic?: boolean } }[]
        }[]
      }[]
    }
    const memory = metrics.resourceMetrics.flatMap((one) =>
      one.scopeMetrics.flatMap((scope) =>
        scope.metrics.filter((metric) => metric.name === 'process.memory.usage'),
      ),
    )
    expect(memory).toHaveLength(3)
    expect(memory[0]?.sum?.dataPoints).toHaveLength(240)
    expect(memory[0]?.sum?.isMonotonic ?? false).toBe(false)
  })

  it('makes a route slower from the moment and by the ratio that the truth says', () => {
    const planted: PlannedDeployment = {
      service: 'catalogue',
      version: '1.1.0',
      replaces: '1.0.0',
      minutesBeforeMidnight: 1440,
      rollout: { kind: 'switch', minutes: 1 },
      told: 'api',
      effect: {
        kind: 'latency',
        signal: 'latency.server',
        dimension: 'GET /products/:id',
        ratio: 2,
        expected: 'regressed',
        description: 'twice as long',
      },
    }
    const short: Truth = {
      seed: 1001,
      days: 2,
      environment: 'history',
      initial: { gateway: '3.0.0', checkout: '2.0.0', catalogue: '1.0.0' },
      deployments: [planted],
    }
    const start = startOf(planted, END)
    const chunks = chunksOf(short, start - 4 * 3_600_000, start + 4 * 3_600_000)
    const own = chunks
      .flatMap(spansOf)
      .filter(({ service, span }) => service === 'catalogue' && span.kind === 2)
    const median = (version: string, name: string): number => {
      const seconds = own
        .filter((one) => one.version === version && one.span.name === name)
        .map(({ span }) => Number(BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano)) / 1e9)
        .sort((a, b) => a - b)
      expect(seconds.length).toBeGreaterThan(100)
      return seconds[Math.floor(seconds.length / 2)] as number
    }
    expect(median('1.1.0', 'GET /products/:id') / median('1.0.0', 'GET /products/:id')).toBeCloseTo(2, 0)
    expect(median('1.1.0', 'GET /search') / median('1.0.0', 'GET /search')).toBeCloseTo(1, 0)
    const first = own
      .filter((one) => one.version === '1.1.0')
      .map(({ span }) => Number(BigInt(span.startTimeUnixNano) / 1_000_000n))
    expect(Math.min(...first)).toBeGreaterThanOrEqual(start)
    expect(Math.min(...first)).toBeLessThan(start + 120_000)
  })
})
