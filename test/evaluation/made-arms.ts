import type { CellSet } from '../../analytics/queries/series-set.ts'
import { Autoregression, Draws } from '../../deploy/demo/history/draws.ts'
import { cellOfValues } from '../../schemas/cell-of-values.ts'
import { buildCatalogue } from '../../schemas/signals/catalogue.ts'
import { customSignal, customSignalSchema } from '../../schemas/signals/custom.ts'
import { addCell, type GrowingSet } from './made-cells.ts'
import { cell } from './made-traffic.ts'

export const OLD = '1.0.0'
export const FRESH = '1.1.0'

/** One of ten routes, one request of fifty whatever its route, or one instance of four. */
export const PLACES = ['one route of ten', 'tail only', 'one instance of four'] as const

/** What the new version does to latencies. */
interface Injection {
  readonly place: (typeof PLACES)[number]
  /** Factor on the latency of what it is about. */
  readonly factor: number
}

const CPU = customSignal(
  customSignalSchema.parse({
    id: 'cpu',
    title: 'CPU',
    metric: 'cpu',
    type: 'gauge',
    badDirection: 'both',
    smallestEffect: { ratio: 1.1, absolute: 0 },
  }),
)
const catalogue = buildCatalogue()
export const SIGNALS = {
  latency: catalogue.signal('latency.server'),
  errors: catalogue.signal('errors.server'),
  exceptions: catalogue.signal('exceptions.rate'),
  cpu: CPU,
}

const ROUTES = 10
/** Requests a minute of the service as a whole, at mean traffic. */
const REQUESTS = 60
const LATENCY = 0.08
const FAILING = 0.01
const THROWING = 0.02
const SLOW_ONE_IN = 50

/**
 * A service with an old and a new version in the same minutes, which differ in instances (one to eight, and one to four), start (the new ones ten to forty minutes ago, and still a little
 * warmer with every minute) and share. Both have season and shocks of the service in common: traffic, latency and failures about slowly moving levels, in one of three an
 * incident of ten to twenty minutes. Each instance wanders a little for itself.
 * @param injection planted in the new version; the same seed draws the same world with and without it
 */
export function madeArms(seed: number, minutes: number, injection?: Injection): CellSet {
  const draws = new Draws(seed, 'arms')
  const fourOf = new Draws(seed, 'tail')
  const drawn = { old: draws.whole(2, 8), fresh: draws.whole(1, 4) }
  const fresh = injection?.place === 'one instance of four' ? 4 : drawn.fresh
  const started = draws.between(10, 40)
  const phase = draws.between(0, 2 * Math.PI)
  const incident = draws.uniform() < 1 / 3 ? draws.whole(0, Math.max(0, minutes - 20)) : undefined
  const incidentEnd = (incident ?? 0) + draws.whole(10, 20)
  const common = {
    traffic: new Autoregression(draws, 0.8, 0.15),
    latency: new Autoregression(draws, 0.9, 0.1),
    failing: new Autoregression(draws, 0.7, 0.3),
    cpu: new Autoregression(draws, 0.9, 0.05),
  }
  const routes = Array.from({ length: ROUTES }, () => ({
    share: Math.exp(0.7 * draws.normal()),
    scale: Math.exp(0.5 * draws.normal()),
  }))
  const all = routes.reduce((sum, route) => sum + route.share, 0)
  const instances = [
    { version: OLD, count: drawn.old },
    { version: FRESH, count: fresh },
  ].flatMap(({ version, count }) =>
    Array.from({ length: 8 }, (_, i) => ({
      version,
      used: i < count,
      first: i === 0,
      weight: Math.exp(0.1 * draws.normal()),
      latency: new Autoregression(draws, 0.85, 0.05),
      cpu: new Autoregression(draws, 0.9, 0.03),
    })),
  )
  const load = instances.reduce((sum, { used, weight }) => sum + (used ? weight : 0), 0)
  const set: GrowingSet = new Map()
  for (let minute = 0; minute < minutes; minute++) {
    for (const walk of Object.values(common)) walk.step()
    const time = minute * 60
    const season = Math.exp(0.4 * Math.sin((2 * Math.PI * minute) / 1440 + phase) + common.traffic.value)
    const inIncident = incident !== undefined && minute >= incident && minute < incidentEnd
    for (const instance of instances) {
      instance.latency.step()
      instance.cpu.step()
      if (!instance.used) continue
      const isFresh = instance.version === FRESH
      const warmth = isFresh ? 1 + 0.3 * Math.exp(-(started + minute) / 5) : 1
      const level =
        LATENCY * Math.exp(common.latency.value + instance.latency.value) * warmth * (inIncident ? 2 : 1)
      let requests = 0
      routes.forEach(({ share, scale }, route) => {
        const n = draws.poisson((REQUESTS * season * share * instance.weight) / all / load)
        requests += n
        const bad = Math.min(
          n,
          draws.poisson(n * FAILING * Math.exp(common.failing.value) * (inIncident ? 5 : 1)),
        )
        const values = Array.from({ length: n }, () => {
          const value = level * scale * Math.exp(0.6 * draws.normal())
          const slow = fourOf.uniform() < 1 / SLOW_ONE_IN
          return isFresh && injected(injection, route, slow, instance.first)
            ? value * (injection?.factor ?? 1)
            : value
        })
        if (n > 0)
          addCell(set, 'server.request', `route ${route}`, instance.version, cellOfValues(time, values, bad))
      })
      const thrown = draws.poisson(requests * THROWING * (inIncident ? 3 : 1))
      if (thrown > 0) {
        addCell(set, 'exception.span_event', 'Timeout', instance.version, cell(time, { count: thrown }))
      }
      const used =
        0.4 * season ** 0.5 * Math.exp(common.cpu.value + instance.cpu.value + 0.02 * draws.normal())
      const sampled = cell(time, { count: 1, sum: used, sumSquares: used ** 2, min: used, max: used })
      addCell(set, CPU.measures[0] as string, '', instance.version, sampled)
    }
  }
  return set
}

function injected(of: Injection | undefined, route: number, slow: boolean, first: boolean): boolean {
  switch (of?.place) {
    case 'one route of ten':
      return route === 0
    case 'tail only':
      return slow
    case 'one instance of four':
      return first
    case undefined:
      return false
  }
}
