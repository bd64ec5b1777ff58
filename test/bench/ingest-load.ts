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

/**
 * Export requests for logs, encoded by an official protobuf implementation: some 250 bytes a record, six resource and
 * four log attributes, trace and span ids, times within the last minute.
 * @param now milliseconds since 1970
 */
export function logRequests(count: number, recordsEach: number, seed: number, now: number): Buffer[] {
  const random = seededRandom(seed)
  const bytes = (size: number) => Buffer.from(Array.from({ length: size }, () => Math.floor(random() * 256)))
  const text = (key: string, value: string) => ({ key, value: { stringValue: value } })
  return Array.from({ length: count }, (_, i) =>
    encode(official.logs, {
      resourceLogs: [
        {
          resource: {
            attributes: [
              text('service.name', ['gateway', 'checkout', 'catalogue'][i % 3] as string),
              text('service.version', `2.${i % 4}.0`),
              text('deployment.environment.name', 'production'),
              text('service.instance.id', `pod-${i % 8}`),
              text('host.name', `node-${i % 8}`),
              text('telemetry.sdk.language', 'nodejs'),
            ],
          },
          scopeLogs: [
            {
              scope: { name: '@shop/http', version: '1.4.2' },
              logRecords: Array.from({ length: recordsEach }, () => {
                const level = LEVELS[Math.floor(random() * LEVELS.length)] as (typeof LEVELS)[number]
                const route = ROUTES[Math.floor(random() * ROUTES.length)] as string
                const time = BigInt(now - Math.floor(random() * 60_000)) * 1_000_000n
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
                  traceId: bytes(16),
                  spanId: bytes(8),
                  flags: 1,
                }
              }),
            },
          ],
        },
      ],
    }),
  )
}
