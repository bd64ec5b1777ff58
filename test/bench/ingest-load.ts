import { encode, official } from '../conformance/official.ts'

/** Numbers between 0 and 1, the same in every run (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

const LEVELS = [
  { text: 'INFO', number: 9 },
  { text: 'INFO', number: 9 },
  { text: 'INFO', number: 9 },
  { text: 'WARN', number: 13 },
  { text: 'ERROR', number: 17 },
] as const
const ROUTES = [
  '/cart',
  '/checkout',
  '/products/:id',
  '/products',
  '/orders/:id',
  '/health',
  '/login',
  '/search',
]

type Random = () => number

/** What a sender gathers before it sends, milliseconds: the specification's delay of a batch log record processor. */
const GATHERED = 1_000

const text = (key: string, value: string) => ({ key, value: { stringValue: value } })
const bytes = (random: Random, size: number) =>
  Buffer.from(Array.from({ length: size }, () => Math.floor(random() * 256)))
const pick = <T>(random: Random, from: readonly T[]) => from[Math.floor(random() * from.length)] as T

/** Six attributes; some dozen different resources. */
function resource(i: number) {
  return {
    attributes: [
      text('service.name', ['gateway', 'checkout', 'catalogue'][i % 3] as string),
      text('service.version', `2.${i % 4}.0`),
      text('deployment.environment.name', 'production'),
      text('service.instance.id', `pod-${i % 8}`),
      text('host.name', `node-${i % 8}`),
      text('telemetry.sdk.language', 'nodejs'),
    ],
  }
}

const SCOPE = { name: '@shop/http', version: '1.4.2' }

/**
 * Export requests for logs, encoded by an official protobuf implementation: some 250 bytes a record, six resource and
 * four log attributes, trace and span ids, times within the last second.
 * @param now milliseconds since 1970
 */
export function logRequests(count: number, recordsEach: number, seed: number, now: number): Buffer[] {
  const random = seededRandom(seed)
  const record = (i: number) => {
    const level = pick(random, LEVELS)
    const route = pick(random, ROUTES)
    const time = BigInt(now - Math.floor(random() * GATHERED)) * 1_000_000n
    return {
      timeUnixNano: String(time),
      observedTimeUnixNano: String(time + 1_000n),
      severityText: level.text,
      severityNumber: level.number,
      body: {
        stringValue: `request ${Math.floor(random() * 1e9)} for ${route} finished in ${Math.floor(random() * 2000)} ms by worker ${i}`,
      },
      attributes: [
        text('http.route', route),
        text('http.request.method', random() < 0.8 ? 'GET' : 'POST'),
        { key: 'http.response.status_code', value: { intValue: level.number > 13 ? 500 : 200 } },
        text('user.id', `u${Math.floor(random() * 100_000)}`),
      ],
      traceId: bytes(random, 16),
      spanId: bytes(random, 8),
      flags: 1,
    }
  }
  return Array.from({ length: count }, (_, i) => {
    const logRecords = Array.from({ length: recordsEach }, () => record(i))
    return encode(official.logs, {
      resourceLogs: [{ resource: resource(i), scopeLogs: [{ scope: SCOPE, logRecords }] }],
    })
  })
}

/** The same for spans: eight attributes, half of them of servers and half of clients, an event in one of twenty. */
export function spanRequests(count: number, recordsEach: number, seed: number, now: number): Buffer[] {
  const random = seededRandom(seed)
  const span = () => {
    const route = pick(random, ROUTES)
    const start = BigInt(now - Math.floor(random() * GATHERED)) * 1_000_000n
    const end = start + BigInt(Math.floor(random() * 2e8))
    const failed = random() < 0.05
    return {
      traceId: bytes(random, 16),
      spanId: bytes(random, 8),
      parentSpanId: bytes(random, 8),
      name: `GET ${route}`,
      kind: random() < 0.5 ? 2 : 3,
      startTimeUnixNano: String(start),
      endTimeUnixNano: String(end),
      attributes: [
        text('http.request.method', 'GET'),
        text('http.route', route),
        { key: 'http.response.status_code', value: { intValue: failed ? 500 : 200 } },
        text('url.scheme', 'https'),
        text('url.path', `${route}/${Math.floor(random() * 1e6)}`),
        text('server.address', 'shop.example'),
        text('network.protocol.version', '1.1'),
        text('user_agent.original', 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0'),
      ],
      status: failed ? { code: 2, message: 'no stock' } : {},
      events:
        random() < 0.05
          ? [{ timeUnixNano: String(end), name: 'retry', attributes: [text('reason', 'timeout')] }]
          : [],
    }
  }
  return Array.from({ length: count }, (_, i) => {
    const spans = Array.from({ length: recordsEach }, span)
    return encode(official.traces, {
      resourceSpans: [{ resource: resource(i), scopeSpans: [{ scope: SCOPE, spans }] }],
    })
  })
}

/** The same for metric points: half gauges and half cumulative sums, three attributes each, ten points to a metric. */
export function pointRequests(count: number, recordsEach: number, seed: number, now: number): Buffer[] {
  const random = seededRandom(seed)
  const start = String(BigInt(now - 3_600_000) * 1_000_000n)
  const points = () =>
    Array.from({ length: POINTS_EACH }, () => ({
      startTimeUnixNano: start,
      timeUnixNano: String(BigInt(now - Math.floor(random() * GATHERED)) * 1_000_000n),
      asDouble: random() * 1e6,
      attributes: [
        text('http.route', pick(random, ROUTES)),
        text('http.request.method', 'GET'),
        text('state', pick(random, ['used', 'idle', 'free'])),
      ],
    }))
  return Array.from({ length: count }, (_, i) => {
    const metrics = Array.from({ length: recordsEach / POINTS_EACH }, (_, at) =>
      at % 2 === 0
        ? { name: pick(random, GAUGES), unit: '1', gauge: { dataPoints: points() } }
        : {
            name: pick(random, SUMS),
            unit: '1',
            sum: { aggregationTemporality: 2, isMonotonic: true, dataPoints: points() },
          },
    )
    return encode(official.metrics, {
      resourceMetrics: [{ resource: resource(i), scopeMetrics: [{ scope: SCOPE, metrics }] }],
    })
  })
}

const POINTS_EACH = 10
/** Some that signals read and some that none does. */
const GAUGES = ['process.cpu.utilization', 'system.memory.utilization', 'queue.depth', 'cache.size'] as const
const SUMS = ['system.network.io', 'http.server.request.count', 'process.cpu.time', 'jobs.done'] as const
