import { Autoregression, Draws } from '../../../deploy/demo/history/draws.ts'
import { bucketOf } from '../../../schemas/histogram.ts'
import type { Store } from '../../../schemas/store/client.ts'
import { type PlannedDeployment, ROUTES, STATEMENTS } from './plan-world.ts'

export const ENVIRONMENT = 'production'
/** Minutes after the last deployment's start that there is telemetry of. */
const AFTER = 200
const REQUESTS = [18, 12, 8] as const
const SECONDS = [0.03, 0.06, 0.18] as const
/** Minutes of an incident, and of missing data. */
const INCIDENT = 60
const HOLE = 25
/** Minutes before telemetry begins. */
const BEFORE = 0

interface Cell {
  readonly time: string
  readonly service: string
  readonly environment: string
  readonly version: string
  readonly instance: string
  readonly measure: string
  readonly dimension: string
  readonly traffic: string
  readonly count: number
  readonly bad: number
  readonly sum: number
  readonly sum_squares: number
  readonly min: number
  readonly max: number
  readonly histogram: Readonly<Record<number, number>>
}

/**
 * Writes the rollup cells that a service's telemetry would have become, minute by minute: seasonal, overdispersed traffic, latencies and failures about slowly
 * moving levels, with what is planted in its deployments.
 * @param deployments of one service, oldest first
 * @param begin milliseconds: minute 0
 */
export async function fillService(
  store: Store,
  seed: number,
  deployments: readonly PlannedDeployment[],
  begin: number,
): Promise<void> {
  const [first] = deployments
  if (first === undefined) return
  const { service } = first
  const draws = new Draws(seed, `fill ${service}`)
  const phase = draws.between(0, 2 * Math.PI)
  const level = new Autoregression(draws, 0.9, 0.05)
  const traffic = new Autoregression(draws, 0.8, 0.15)
  const failing = new Autoregression(draws, 0.7, 0.3)
  const last = (deployments.at(-1) as PlannedDeployment).start + AFTER
  let cells: Cell[] = []
  let exceptions: object[] = []
  const flush = async () => {
    await store.insert('signal_1m', cells)
    await store.insert('exception_1m', exceptions)
    cells = []
    exceptions = []
  }
  for (let minute = BEFORE; minute < last; minute++) {
    for (const walk of [level, traffic, failing]) walk.step()
    const at = deployments.findLastIndex((deployment) => deployment.start <= minute)
    const current = deployments[at]
    const age = current === undefined ? Number.POSITIVE_INFINITY : minute - current.start
    if (current?.scenario === 'missing data' && age >= 20 && age < 20 + HOLE) continue
    const old = at <= 0 ? '1.0.0' : (deployments[at - 1] as PlannedDeployment).version
    const arms =
      current === undefined
        ? [{ version: old, share: 1, fresh: false }]
        : age < current.rolling
          ? [
              { version: old, share: 0.5, fresh: false },
              { version: current.version, share: 0.5, fresh: true },
            ]
          : [{ version: current.version, share: 1, fresh: true }]
    const time = new Date(begin + minute * 60_000).toISOString()
    const season = Math.exp(0.4 * Math.sin((2 * Math.PI * minute) / 1440 + phase) + traffic.value)
    const incident = inIncident(current, age) ? (current as PlannedDeployment).size : 1
    for (const { version, share, fresh } of arms) {
      const key = {
        time,
        service,
        environment: ENVIRONMENT,
        version,
        instance: `${service}-${version}`,
        traffic: 'users',
      }
      // What a release did lasts until the next one; the next is compared with it.
      const planted = fresh ? current : undefined
      let requests = 0
      let failed = 0
      ROUTES.forEach((route, r) => {
        const moved = planted?.scenario === 'mix shift' ? (r === 2 ? 2 : 0.8) : 1
        const count = draws.poisson((REQUESTS[r] as number) * season * share * moved)
        if (count === 0) return
        const own = planted?.route === route ? planted : undefined
        const slower = own?.scenario === 'slower route' || own?.scenario === 'faster route' ? own.size : 1
        const rate = 0.005 * Math.exp(failing.value) + (own?.scenario === 'failing route' ? own.size : 0)
        const bad = Math.min(count, draws.poisson(count * rate))
        requests += count
        failed += bad
        const scale = (SECONDS[r] as number) * Math.exp(level.value) * slower * incident
        cells.push({
          ...key,
          measure: 'server.request',
          dimension: route,
          ...distribution(draws, count, scale),
          bad,
        })
      })
      if (requests === 0) continue
      STATEMENTS.forEach((statement, s) => {
        const more = planted?.scenario === 'more queries' && s === 0 ? planted.size : 1
        const calls = draws.poisson(requests * (s === 0 ? 1.5 : 0.4) * more)
        if (calls === 0) return
        cells.push({
          ...key,
          measure: 'db.query',
          dimension: statement,
          ...distribution(draws, calls, 0.004 * Math.exp(level.value)),
        })
      })
      const calls = draws.poisson(requests * 0.5)
      if (calls > 0) {
        const dependency = current?.scenario === 'incident of a dependency' ? incident : 1
        cells.push({
          ...key,
          measure: 'client.request',
          dimension: 'stock',
          ...distribution(draws, calls, 0.02 * Math.exp(level.value) * dependency),
        })
      }
      cells.push(counted(key, 'log.error', failed + draws.poisson(0.002 * requests)))
      const base = 120e6 * Math.exp(0.02 * draws.normal())
      const grown = planted?.scenario === 'leak' ? 1 + (planted.size - 1) * Math.min(2, age / 120) : 1
      const warm = 1.1 - 0.1 * Math.exp(-Math.min(age, 1e4) / 20)
      const bytes = base * warm * grown
      cells.push({
        ...key,
        measure: 'process.memory',
        dimension: '',
        count: 1,
        bad: 0,
        sum: bytes,
        sum_squares: bytes * bytes,
        min: bytes,
        max: bytes,
        histogram: {},
      })
      const thrown = [
        { dimension: 'Timeout: upstream', count: draws.poisson(0.002 * requests) },
        ...(planted?.scenario === 'new exception'
          ? [
              {
                dimension: `Declined: in ${planted.version}`,
                count: draws.poisson(planted.size * requests),
              },
            ]
          : []),
      ]
      for (const { dimension, count } of thrown) {
        if (count === 0) continue
        const { traffic: _, ...rest } = key
        exceptions.push({
          ...rest,
          says: 1,
          span: 1,
          dimension,
          events: count,
          logs: 0,
          bad_events: 0,
          bad_logs: 0,
        })
      }
    }
    if (cells.length > 60_000) await flush()
  }
  await flush()
}

function inIncident(current: PlannedDeployment | undefined, age: number): boolean {
  const affected =
    current?.scenario === 'incident on both versions' || current?.scenario === 'incident of a dependency'
  return affected && age >= 30 && age < 30 + INCIDENT
}

function counted(
  key: Omit<Cell, keyof ReturnType<typeof empty> | 'measure' | 'dimension'>,
  measure: string,
  count: number,
): Cell {
  return { ...key, measure, dimension: '', ...empty(), count }
}

function empty() {
  return { count: 0, bad: 0, sum: 0, sum_squares: 0, min: 0, max: 0, histogram: {} }
}

function distribution(draws: Draws, count: number, scale: number) {
  const histogram: Record<number, number> = {}
  let sum = 0
  let squares = 0
  let min = Number.POSITIVE_INFINITY
  let max = 0
  for (let i = 0; i < count; i++) {
    const value = scale * Math.exp(0.5 * draws.normal())
    const bucket = bucketOf(value)
    histogram[bucket] = (histogram[bucket] ?? 0) + 1
    sum += value
    squares += value * value
    min = Math.min(min, value)
    max = Math.max(max, value)
  }
  return { count, bad: 0, sum, sum_squares: squares, min, max, histogram }
}
