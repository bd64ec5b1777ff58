import { Draws } from '../../../deploy/demo/history/draws.ts'

export const SCENARIOS = [
  // Nothing that the release did.
  'quiet',
  'mix shift',
  'missing data',
  'incident on both versions',
  'incident of a dependency',
  // What the release did.
  'slower route',
  'failing route',
  'new exception',
  'more queries',
  'leak',
  'faster route',
] as const
export type Scenario = (typeof SCENARIOS)[number]

/** Half nothing, the rest mixed; incidents are the release's fault in no case. */
const WEIGHTS: Readonly<Record<Scenario, number>> = {
  quiet: 0.26,
  'mix shift': 0.08,
  'missing data': 0.08,
  'incident on both versions': 0.08,
  'incident of a dependency': 0.06,
  'slower route': 0.11,
  'failing route': 0.1,
  'new exception': 0.08,
  'more queries': 0.06,
  leak: 0.04,
  'faster route': 0.05,
}

export const ROUTES = ['GET /items', 'GET /cart', 'POST /pay'] as const
export const STATEMENTS = ['SELECT item', 'UPDATE cart'] as const

export interface PlannedDeployment {
  readonly service: string
  readonly version: string
  /** Minutes from the start of the world. */
  readonly start: number
  readonly scenario: Scenario
  /** Minutes that both versions serve side by side; 0: the new one takes over at once. */
  readonly rolling: number
  /** Size of what is planted, as a ratio (or a share of requests for exceptions). */
  readonly size: number
  /** The route that it is about. */
  readonly route: (typeof ROUTES)[number]
}

/** Minutes before the first and between two deployments, so that each has a day to be compared with. */
const FIRST = 2 * 1440
const APART = 10 * 60

/** The world of a seed: services, each with its deployments, oldest first. @param each deployments of a service */
export function planWorld(seed: number, services: number, each: number): readonly PlannedDeployment[] {
  return Array.from({ length: services }, (_, at) => {
    const service = `service-${String(at).padStart(2, '0')}`
    const draws = new Draws(seed, `plan ${service}`)
    return Array.from({ length: each }, (_, release): PlannedDeployment => {
      const scenario = pick(draws)
      return {
        service,
        version: `1.${release + 1}.0`,
        start: FIRST + release * APART + draws.whole(0, 90),
        scenario,
        rolling: scenario === 'incident on both versions' || draws.uniform() < 0.35 ? 120 : 0,
        size: sizeOf(scenario, draws),
        route: draws.pick(ROUTES),
      }
    })
  }).flat()
}

function pick(draws: Draws): Scenario {
  let left = draws.uniform()
  for (const scenario of SCENARIOS) {
    left -= WEIGHTS[scenario]
    if (left < 0) return scenario
  }
  return 'quiet'
}

function sizeOf(scenario: Scenario, draws: Draws): number {
  switch (scenario) {
    case 'slower route':
      return draws.between(1.4, 2.2)
    case 'failing route':
      return draws.between(0.04, 0.1)
    case 'new exception':
      return draws.between(0.015, 0.05)
    case 'more queries':
      return draws.between(1.6, 2.5)
    case 'leak':
      return draws.between(1.5, 2)
    case 'faster route':
      return draws.between(0.45, 0.65)
    case 'incident on both versions':
    case 'incident of a dependency':
      return draws.between(1.5, 2.5)
    default:
      return 1
  }
}
