import type { CellSet } from '../../analytics/queries/series-set.ts'
import { normalDraw } from '../../analytics/stats/normal-draw.ts'
import { poissonDraw } from '../../analytics/stats/poisson-draw.ts'
import { seededRandom } from '../../analytics/stats/random.ts'
import type { Cell } from '../../schemas/cell.ts'
import { bucketOf } from '../../schemas/histogram.ts'
import { addCell, type GrowingSet } from '../evaluation/made-cells.ts'

/** What is wrong from some minute on; nothing, for a quiet deployment. */
export interface Trouble {
  /** Seconds, from inclusive to exclusive. */
  readonly from: number
  readonly to: number
  /** Factor on the share of failures, and on durations. */
  readonly failures: number
  readonly slowness: number
  /** Which versions have it; null: all. */
  readonly version: string | null
}

export interface SimulatedService {
  readonly seed: number
  readonly service: string
  /** Seconds. */
  readonly startedAt: number
  readonly baseline: string
  readonly version: string
  /** Share of the new version after the start. */
  readonly share: number
  readonly trouble?: Trouble
  /** A minute of three times as many failures, or up to five minutes of two to eight times as many. */
  readonly storms?: keyof typeof STORMS
}

/** Most minutes, and factors on failures. */
const STORMS = {
  short: { minutes: 1, factor: [3, 3] },
  long: { minutes: 5, factor: [2, 8] },
} as const

const ROUTES = ['GET /a', 'POST /b', 'GET /c/{id}'] as const
/** Calls a request, and seconds. */
const STATEMENTS = { 'SELECT a': [1.5, 0.003], 'UPDATE b': [0.4, 0.008] } as const
/** Of the failed requests. */
const EXCEPTIONS = {
  'TimeoutError: no answer': 0.6,
  'TypeError: x is undefined': 0.2,
  'ConflictError: again': 0.05,
} as const
const DAY = 86_400

/** First-order autoregressive noise around 0 with a standard deviation of 1. */
class Drift {
  readonly #keep: number
  readonly #normal: () => number
  #level: number

  /** @param minutes after which a deviation has fallen to half */
  constructor(minutes: number, normal: () => number) {
    this.#keep = 0.5 ** (1 / minutes)
    this.#normal = normal
    this.#level = normal()
  }

  next(): number {
    this.#level = this.#keep * this.#level + Math.sqrt(1 - this.#keep ** 2) * this.#normal()
    return this.#level
  }
}

/**
 * A service minute by minute, at the level of cells: seasonal traffic with bursts, counts that spread more than independent events, levels that drift by
 * themselves, retry storms, rare kinds of exceptions, and a slow start of each version. What is the same in all versions of a minute is drawn once.
 */
export class SimulatedTraffic {
  readonly of: SimulatedService
  readonly #random: () => number
  readonly #base: number
  readonly #amplitude: number
  readonly #phase: number
  readonly #routes: readonly {
    name: string
    share: number
    failures: number
    seconds: number
    spread: number
  }[]
  readonly #drifts: Readonly<
    Record<'traffic' | 'failures' | 'slowness' | 'database' | 'cpu' | 'memory' | 'delay', Drift>
  >
  #rare = { name: '', until: 0 }
  #storm = { factor: 1, until: 0 }

  constructor(of: SimulatedService) {
    this.of = of
    this.#random = seededRandom(of.seed)
    const normal = () => this.#normal()
    this.#base = Math.exp(4 + 4 * this.#random())
    this.#amplitude = 0.2 + 0.5 * this.#random()
    this.#phase = this.#random() * DAY
    this.#routes = ROUTES.map((name, at) => ({
      name,
      share: [0.6, 0.3, 0.1][at] as number,
      failures: Math.exp(-7 + 3.5 * this.#random()),
      seconds: Math.exp(-4.5 + 2.5 * this.#random()),
      spread: 0.4 + 0.4 * this.#random(),
    }))
    this.#drifts = {
      traffic: new Drift(30, normal),
      failures: new Drift(60, normal),
      slowness: new Drift(90, normal),
      database: new Drift(60, normal),
      cpu: new Drift(20, normal),
      memory: new Drift(180, normal),
      delay: new Drift(10, normal),
    }
  }

  /** Adds the cells of one minute. @param time seconds, a whole minute */
  minute(time: number, set: Map<string, Map<string, Map<string, Cell[]>>>): void {
    const { of } = this
    const season = 1 + this.#amplitude * Math.cos((2 * Math.PI * (time - this.#phase)) / DAY)
    const load = season * Math.exp(0.12 * this.#drifts.traffic.next() + 0.05 * this.#normal())
    const drift = {
      failures: Math.exp(0.12 * this.#drifts.failures.next()),
      slowness: Math.exp(0.05 * this.#drifts.slowness.next()) * load ** 0.1,
      database: Math.exp(0.06 * this.#drifts.database.next()) * load ** 0.1,
      cpu: Math.exp(0.08 * this.#drifts.cpu.next()),
      memory: Math.exp(0.06 * this.#drifts.memory.next()),
      delay: Math.exp(0.2 * this.#drifts.delay.next()),
    }
    // Some five times a day retries: more failures for some minutes.
    if (this.#random() < 1 / 300) {
      const { minutes, factor } = STORMS[of.storms ?? 'short']
      this.#storm = {
        factor: factor[0] + (factor[1] - factor[0]) * this.#random(),
        until: time + 60 * (1 + Math.floor(minutes * this.#random())),
      }
    }
    const storm = time < this.#storm.until ? this.#storm.factor : 1
    // About once a day something comes up that nobody has seen before, a few times.
    if (this.#random() < 1 / 1440) this.#rare = { name: `RareError: ${time}`, until: time + 900 }
    const after = time >= Math.floor(of.startedAt / 60) * 60
    const arms = after
      ? of.share >= 1
        ? [{ version: of.version, share: 1 }]
        : [
            { version: of.version, share: of.share },
            { version: of.baseline, share: 1 - of.share },
          ]
      : [{ version: of.baseline, share: 1 }]
    for (const { version, share } of arms) {
      const { trouble } = of
      const ill =
        trouble !== undefined &&
        time >= trouble.from &&
        time < trouble.to &&
        (trouble.version ?? version) === version
      const young = version === of.version && after && time < of.startedAt + 240
      const failing = drift.failures * (ill ? trouble.failures : 1) * storm
      const slow = drift.slowness * (ill ? trouble.slowness : 1) * (young ? 1.6 : 1)
      let requests = 0
      let failed = 0
      for (const route of this.#routes) {
        const count = this.#count(this.#base * route.share * share * load, 30)
        const bad = Math.min(count, this.#count(count * Math.min(0.9, route.failures * failing), 8))
        requests += count
        failed += bad
        if (count > 0)
          addCell(
            set,
            'server.request',
            route.name,
            version,
            this.#durations(time, count, bad, route.seconds * slow, route.spread),
          )
      }
      for (const [kind, part] of Object.entries(EXCEPTIONS)) {
        const count = this.#count(failed * part, 8)
        if (count > 0) addCell(set, 'exception.span_event', kind, version, counted(time, count, count))
      }
      if (time < this.#rare.until && this.#random() < 0.3)
        addCell(set, 'exception.span_event', this.#rare.name, version, counted(time, 1, 1))
      const logged = this.#count(failed * 1.2 + requests * 0.001, 8)
      if (logged > 0) {
        addCell(set, 'log.error', '', version, counted(time, logged, logged))
        addCell(set, 'log.template', 'request failed: <*>', version, counted(time, logged, logged))
      }
      for (const [statement, [calls, seconds]] of Object.entries(STATEMENTS)) {
        const count = this.#count(requests * calls, 60)
        if (count > 0)
          addCell(
            set,
            'db.query',
            statement,
            version,
            this.#durations(
              time,
              count,
              this.#count(count * 2e-4 * failing, 8),
              seconds * drift.database,
              0.6,
            ),
          )
      }
      if (requests > 0) {
        addCell(
          set,
          'process.cpu',
          'user',
          version,
          sampled(time, Math.min(1, 0.25 * load * drift.cpu * (young ? 1.4 : 1))),
        )
        addCell(set, 'process.memory', '', version, sampled(time, 3e8 * drift.memory))
        addCell(
          set,
          'runtime.event_loop_delay',
          '',
          version,
          sampled(time, 0.012 * drift.delay * load ** 0.5),
        )
      }
    }
  }

  /** Quasi-Poisson: a gamma mean of the given shape. */
  #count(mean: number, shape: number): number {
    if (mean <= 0) return 0
    return this.#poisson(mean * this.#gamma(shape))
  }

  #poisson(mean: number): number {
    if (mean > 40) return Math.max(0, Math.round(mean + Math.sqrt(mean) * this.#normal()))
    return poissonDraw(mean, this.#random)
  }

  /** Mean 1; Wilson and Hilferty's cube. */
  #gamma(shape: number): number {
    return Math.max(0, 1 - 1 / (9 * shape) + this.#normal() / Math.sqrt(9 * shape)) ** 3
  }

  #normal(): number {
    return normalDraw(this.#random)
  }

  /** Log-normal durations as a histogram of every third bucket; some are drawn one by one where they are few. */
  #durations(time: number, count: number, bad: number, median: number, spread: number): Cell {
    const histogram = new Map<number, number>()
    const put = (value: number, n: number) => {
      const bucket = bucketOf(value)
      histogram.set(bucket, (histogram.get(bucket) ?? 0) + n)
    }
    if (count <= 60) {
      for (let i = 0; i < count; i++) put(median * Math.exp(spread * this.#normal()), 1)
    } else {
      let left = count
      // Somewhere else each minute, so that many minutes together have no gaps.
      const shift = (this.#random() - 0.5) / 4
      for (const [z, mass] of GRID) {
        const n = Math.min(left, this.#poisson(count * mass))
        left -= n
        if (n > 0) put(median * Math.exp(spread * (z + shift)), n)
      }
      if (left > 0) put(median, left)
    }
    const sum = count * median * Math.exp(spread ** 2 / 2)
    return { time, count, bad, sum, sumSquares: (sum * sum) / count, min: median, max: median, histogram }
  }
}

/** Places and masses of a normal variable on a grid, from the ends inwards so that the ends are drawn and not left over. */
const GRID: readonly (readonly [number, number])[] = Array.from({ length: 25 }, (_, i) => (i - 12) / 4)
  .map((z) => [z, Math.exp(-0.5 * z * z) / 4 / Math.sqrt(2 * Math.PI)] as const)
  .sort((a, b) => Math.abs(b[0]) - Math.abs(a[0]))

/** Cells of a span of minutes. */
export function simulateMinutes(traffic: SimulatedTraffic, from: number, to: number): CellSet {
  const set: GrowingSet = new Map()
  for (let time = from; time < to; time += 60) traffic.minute(time, set)
  return set
}

function counted(time: number, count: number, bad: number): Cell {
  return { time, count, bad, sum: 0, sumSquares: 0, min: 0, max: 0 }
}

function sampled(time: number, value: number): Cell {
  return { time, count: 4, bad: 0, sum: 4 * value, sumSquares: 4 * value * value, min: value, max: value }
}
