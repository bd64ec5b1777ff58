import { Draws } from '../history/draws.ts'
import {
  NEW_EXCEPTIONS,
  type RouteModel,
  routeName,
  routesOf,
  SERVICES,
  type Service,
  statementName,
} from '../history/shop-model.ts'
import type { Effect, PlannedDeployment, Truth } from './truth.ts'

export const DEFAULT_SEED = 42
export const HISTORY_DAYS = 42
export const HISTORY_ENVIRONMENT = 'history'

/** The version that the live shop rolls out; the history of each service ends one minor version earlier. */
export const NEXT_VERSION: Readonly<Record<Service, string>> = {
  gateway: '3.9.0',
  checkout: '2.7.0',
  catalogue: '1.12.0',
}

const QUIET_RELEASES = 14
/** Days at the start without any release, and without a planted effect: a history needs a past. */
const DAYS_WITHOUT_RELEASE = 3
const DAYS_WITHOUT_EFFECT = 9
const DAY = 1440
/** An effect seen from another deployment's windows (a day before, two hours after) would be that one's fault too. */
const MINUTES_BEFORE = 27 * 60
const MINUTES_AFTER = 4 * 60

type Harm = 'latency' | 'new_exception' | 'n_plus_one' | 'memory_leak' | 'error_ratio'

interface Step {
  readonly service: Service
  readonly effect: Effect
}

/** What is planted with a seed. @param days length of the history, at least 14: shorter ones keep the newest releases */
export function planHistory(seed: number, days: number = HISTORY_DAYS): Truth {
  const draws = new Draws(seed, 'plan')
  for (let attempt = 0; attempt < 50_000; attempt++) {
    const deployments = attemptPlan(draws)
    if (deployments === undefined) continue
    const kept = deployments.filter((one) => one.minutesBeforeMidnight < (days - DAYS_WITHOUT_RELEASE) * DAY)
    const initial = Object.fromEntries(
      SERVICES.map((service) => [
        service,
        kept.find((one) => one.service === service)?.replaces ?? lastVersion(service),
      ]),
    )
    return { seed, days, environment: HISTORY_ENVIRONMENT, initial, deployments: kept }
  }
  throw new RangeError(`no plan for seed ${seed}`)
}

function attemptPlan(draws: Draws): PlannedDeployment[] | undefined {
  const sequences = sequencesOf(draws)
  const steps = interleave(sequences, draws)
  const times = timesOf(steps.length, draws)
  const placed = steps.map((step, i) => ({ ...step, time: times[i] as number }))
  for (const [i, one] of placed.entries()) {
    if (one.effect.kind === 'none') continue
    if (one.effect.kind !== 'fix' && one.time > (HISTORY_DAYS - DAYS_WITHOUT_EFFECT) * DAY) return undefined
    for (const [j, other] of placed.entries()) {
      const reaches = other.service === one.service || other.service === 'gateway'
      const after = one.time - other.time
      if (i !== j && reaches && after < MINUTES_BEFORE && after > -MINUTES_AFTER) return undefined
    }
  }
  return withVersions(placed, draws)
}

/** Per service, oldest first: what its releases do. Every harm is undone by the service's next release. */
function sequencesOf(draws: Draws): Step[][] {
  const blocks = new Map<Service, Step[][]>(SERVICES.map((service) => [service, []]))
  const add = (service: Service, ...effects: Effect[]): void => {
    blocks.get(service)?.push(effects.map((effect) => ({ service, effect })))
  }
  const harms: readonly Harm[] = ['latency', 'new_exception', 'n_plus_one', 'memory_leak', 'error_ratio']
  for (const harm of harms) {
    const service =
      harm === 'n_plus_one' ? draws.pick(['checkout', 'catalogue'] as const) : draws.pick(SERVICES)
    const effect = harmOf(harm, service, draws)
    add(service, effect, fixOf(effect))
  }
  const improved = draws.pick(SERVICES)
  add(improved, improvementOf(improved, draws))
  add('gateway', trafficMix(draws))
  const size = (service: Service): number => (blocks.get(service) ?? []).flat().length
  const total = [...blocks.values()].flat(2).length + QUIET_RELEASES
  while ([...blocks.values()].flat(2).length < total) {
    // The service with the fewest releases gets the next quiet one, so that all come to about the same number.
    const next = [...SERVICES].sort((a, b) => size(a) - size(b))[0] ?? 'gateway'
    add(next, quiet())
  }
  return SERVICES.map((service) => draws.shuffled(blocks.get(service) ?? []).flat())
}

function interleave(sequences: Step[][], draws: Draws): Step[] {
  const order = draws.shuffled(sequences.flatMap((sequence, i) => sequence.map(() => i)))
  const next = sequences.map(() => 0)
  return order.map((i) => {
    const at = next[i] as number
    next[i] = at + 1
    return sequences[i]?.[at] as Step
  })
}

/** One release a day on some days, in working hours; oldest first, minutes before the last midnight. */
function timesOf(count: number, draws: Draws): number[] {
  const days = Array.from({ length: HISTORY_DAYS - DAYS_WITHOUT_RELEASE }, (_, i) => i + 1)
  return draws
    .shuffled(days)
    .slice(0, count)
    .map((day) => day * DAY - draws.whole(8 * 60, 17 * 60))
    .sort((a, b) => b - a)
}

function withVersions(placed: readonly (Step & { time: number })[], draws: Draws): PlannedDeployment[] {
  const versions = new Map<Service, string[]>()
  for (const service of SERVICES) {
    const own = placed.filter((one) => one.service === service)
    const minors = own.filter((one) => one.effect.kind !== 'fix').length
    const [major = 0, nextMinor = 0] = NEXT_VERSION[service].split('.').map(Number)
    let minor = nextMinor - 1 - minors
    let patch = 0
    const list = [versionName(major, minor, patch)]
    for (const one of own) {
      if (one.effect.kind === 'fix') patch++
      else {
        minor++
        patch = 0
      }
      list.push(versionName(major, minor, patch))
    }
    versions.set(service, list)
  }
  const index = new Map<Service, number>()
  return placed.map((one) => {
    const at = index.get(one.service) ?? 0
    index.set(one.service, at + 1)
    const list = versions.get(one.service) ?? []
    const sideBySide = !['fix', 'traffic_mix'].includes(one.effect.kind) && draws.uniform() < 0.4
    return {
      service: one.service,
      version: list[at + 1] ?? '',
      replaces: list[at] ?? '',
      minutesBeforeMidnight: one.time,
      rollout: sideBySide
        ? { kind: 'side_by_side', minutes: 180, share: 0.5 }
        : { kind: 'switch', minutes: draws.whole(3, 6) },
      told: draws.uniform() < 0.6 ? 'api' : 'discovered',
      effect: one.effect,
    }
  })
}

/** The version of a service that runs when the whole history ends and it had no release in it. */
/** Minor versions below zero belong to the major version before, which had ten. */
function versionName(major: number, minor: number, patch: number): string {
  return minor < 0 ? `${major - 1}.${minor + 10}.${patch}` : `${major}.${minor}.${patch}`
}

function lastVersion(service: Service): string {
  const [major = 0, minor = 0] = NEXT_VERSION[service].split('.').map(Number)
  return `${major}.${minor - 1}.0`
}

function quiet(): Effect {
  return {
    kind: 'none',
    signal: null,
    dimension: '',
    ratio: null,
    expected: 'quiet',
    description: 'changes nothing',
  }
}

function harmOf(kind: Harm, service: Service, draws: Draws): Effect {
  const route: RouteModel = draws.pick(routesOf(service))
  const name = routeName(route)
  switch (kind) {
    case 'latency': {
      const ratio = rounded(draws.between(1.6, 2.6))
      return harm(kind, 'latency.server', name, ratio, `${name} takes ${ratio} times as long`)
    }
    case 'new_exception': {
      const { type, message } = draws.pick(NEW_EXCEPTIONS)
      const percent = draws.whole(6, 12)
      return {
        ...harm(
          kind,
          'exceptions.rate',
          `${type}: ${message}`,
          null,
          `${percent} % of ${name} throw ${type}`,
        ),
        thrownBy: { route: name, share: percent / 100 },
      }
    }
    case 'n_plus_one': {
      const statement = statementName(draws.pick(routesOf(service).flatMap((one) => one.queries)))
      const ratio = draws.whole(4, 9)
      return harm(
        kind,
        'db.calls',
        statement,
        ratio,
        `the statement runs ${ratio} times where once was enough`,
      )
    }
    case 'memory_leak': {
      const ratio = rounded(draws.between(1.6, 2.2))
      return harm(
        kind,
        'runtime.memory',
        '',
        ratio,
        `an hour after the start the process holds ${ratio} times as much`,
      )
    }
    case 'error_ratio': {
      // As a share of the requests: a route's own failures are so few that a multiple of them says little.
      const percent = rounded(draws.between(8, 12))
      const ratio = rounded(percent / 100 / route.failures)
      return harm(
        kind,
        'errors.server',
        name,
        ratio,
        `${percent} % of ${name} fail by its own code, ${ratio} times as many`,
      )
    }
  }
}

function harm(
  kind: Harm,
  signal: string,
  dimension: string,
  ratio: number | null,
  description: string,
): Effect {
  return { kind, signal, dimension, ratio, expected: 'regressed', description }
}

function fixOf(effect: Effect): Effect {
  return {
    kind: 'fix',
    signal: effect.signal,
    dimension: effect.dimension,
    ratio: effect.ratio === null ? null : rounded(1 / effect.ratio),
    expected: 'improved',
    description: `undoes: ${effect.description}`,
  }
}

function improvementOf(service: Service, draws: Draws): Effect {
  const route = routeName(draws.pick(routesOf(service)))
  const ratio = rounded(draws.between(0.4, 0.62))
  return {
    kind: 'improvement',
    signal: 'latency.server',
    dimension: route,
    ratio,
    expected: 'improved',
    description: `${route} takes ${ratio} times as long`,
  }
}

function trafficMix(draws: Draws): Effect {
  const ratio = rounded(draws.between(2, 2.6))
  return {
    kind: 'traffic_mix',
    signal: null,
    dimension: '',
    ratio,
    expected: 'quiet',
    description: `a campaign: carts, checkouts and orders weigh ${ratio} times as much in the traffic; no route gets worse`,
  }
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100
}
