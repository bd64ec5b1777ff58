import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { normalDraw } from '../../analytics/stats/normal-draw.ts'
import { startEmbedded } from '../../deploy/embedded/start.ts'
import { type Config, configSchema } from '../../schemas/config.ts'
import { buildCatalogue, type Catalogue } from '../../schemas/signals/catalogue.ts'
import { openStore, type Store } from '../../schemas/store/client.ts'
import { migrate } from '../../schemas/store/migrate.ts'

export interface Bench {
  readonly store: Store
  readonly catalogue: Catalogue
  readonly config: Config
  close(): Promise<void>
}

/** A migrated embedded store in a folder of its own. */
export async function openBench(settings: object = {}): Promise<Bench> {
  const dataDir = mkdtempSync(join(tmpdir(), 'postflight-report-'))
  const quiet = { info: () => {}, warn: () => {}, error: () => {} }
  const embedded = await startEmbedded({ dataDir, port: 0, logger: quiet })
  const store = openStore({ url: embedded.url })
  const config = configSchema.parse(settings)
  const catalogue = buildCatalogue()
  await migrate(store, catalogue, config.retention)
  return {
    store,
    catalogue,
    config,
    close: async () => {
      await store.close()
      await embedded.stop()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

/** A small seeded generator (mulberry32): the same traffic on every run. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

export interface Route {
  readonly route: string
  /** Requests a minute. */
  readonly perMinute: number
  /** Median seconds. */
  readonly seconds: number
  readonly errorShare?: number
  /** Type of an exception to its share of requests. */
  readonly exceptions?: Readonly<Record<string, number>>
}

export interface Traffic {
  readonly service: string
  readonly environment: string
  /** '' for none. */
  readonly version: string
  /** Milliseconds, from inclusive to exclusive. */
  readonly from: number
  readonly to: number
  readonly routes: readonly Route[]
  readonly seed: number
  /** More of the resource, such as `telemetry.sdk.version`. */
  readonly resource?: Readonly<Record<string, string>>
}

/** Writes server spans as the OTLP receiver would: into the raw table, from where the views fill the rollups. */
export async function sendTraffic(store: Store, traffic: Traffic): Promise<void> {
  const random = seeded(traffic.seed)
  const normal = () => normalDraw(random)
  const resource = {
    'service.name': traffic.service,
    'deployment.environment.name': traffic.environment,
    'service.instance.id': `${traffic.service}-${traffic.version}`,
    ...(traffic.version === '' ? {} : { 'service.version': traffic.version }),
    ...traffic.resource,
  }
  let rows: object[] = []
  let id = Math.floor(random() * 2 ** 40)
  for (let minute = traffic.from; minute < traffic.to; minute += 60_000) {
    for (const route of traffic.routes) {
      const busy = route.perMinute * Math.exp(0.15 * normal())
      const count = Math.max(0, Math.round(busy + Math.sqrt(busy) * normal()))
      for (let i = 0; i < count; i++) {
        id += 1
        const failed = random() < (route.errorShare ?? 0.005)
        const thrown = Object.entries(route.exceptions ?? {})
          .filter(([, share]) => random() < share)
          .map(([type]) => type)
        const at = new Date(minute + Math.floor(random() * 60_000)).toISOString()
        rows.push({
          Timestamp: at,
          TraceId: id.toString(16).padStart(32, '0'),
          SpanId: id.toString(16).padStart(16, '0'),
          SpanName: route.route,
          SpanKind: 'Server',
          ServiceName: traffic.service,
          ResourceAttributes: resource,
          SpanAttributes: {
            'http.request.method': route.route.split(' ')[0],
            'http.route': route.route.split(' ')[1],
            'http.response.status_code': failed ? '500' : '200',
          },
          Duration: Math.round(route.seconds * Math.exp(0.4 * normal()) * 1e9),
          StatusCode: failed ? 'Error' : 'Unset',
          'Events.Timestamp': thrown.map(() => at),
          'Events.Name': thrown.map(() => 'exception'),
          'Events.Attributes': thrown.map((type) => ({
            'exception.type': type,
            'exception.message': 'failed',
          })),
        })
      }
    }
    if (rows.length > 20_000) {
      await store.insert('otel_traces', rows)
      rows = []
    }
  }
  await store.insert('otel_traces', rows)
}
