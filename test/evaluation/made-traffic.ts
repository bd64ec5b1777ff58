import { logGamma } from '../../analytics/stats/gamma.ts'
import { normalDraw } from '../../analytics/stats/normal-draw.ts'
import { poissonDraw } from '../../analytics/stats/poisson-draw.ts'
import { seededRandom } from '../../analytics/stats/random.ts'
import type { Cell } from '../../schemas/cell.ts'
import { bucketOf } from '../../schemas/histogram.ts'

/**
 * How traffic and the level of events move by themselves, by the minute.
 * - `poisson`: not at all, events are independent
 * - `bursty`: events come in bursts, variance three times the mean, each version for itself
 * - `drifting`: the level is an AR(1), standard deviation 10 %, a memory of 20 minutes
 * - `troubled`: the same with 50 % and 6 minutes: some minutes are bad ones
 * - `seasonal`: level by 35 %, traffic by 65 % up and down over the day
 * - `uneven`: side by side only: each version has an AR(1) of its own, 10 %, 6 minutes, on top of what they share
 */
export const SHAPES = ['poisson', 'bursty', 'drifting', 'troubled', 'seasonal', 'uneven'] as const
export type Shape = (typeof SHAPES)[number]

const DAY = 1440
const BURST = 3

/** One made world: what two versions of a service see, minute by minute. */
export class Traffic {
  readonly #random: () => number
  readonly #shape: Shape
  readonly #phase: number
  readonly #shared: Drift
  readonly #own: readonly [Drift, Drift]
  #minute = 0
  /** Of the present minute: factor of the traffic, and of the level that both versions share. */
  traffic = 1
  level = 1

  constructor(shape: Shape, seed: number) {
    this.#random = seededRandom(seed)
    this.#shape = shape
    this.#phase = 2 * Math.PI * this.#random()
    const [deviation, memory] =
      shape === 'drifting' ? [0.1, 0.95] : shape === 'troubled' ? [0.5, 0.85] : [0, 0]
    this.#shared = new Drift(deviation, memory, () => this.normal())
    const own = shape === 'uneven' ? 0.1 : 0
    this.#own = [new Drift(own, 0.85, () => this.normal()), new Drift(own, 0.85, () => this.normal())]
    this.#set()
  }

  /** Goes on to the next minute. */
  next(): void {
    this.#minute += 1
    this.#shared.step()
    for (const own of this.#own) own.step()
    this.#set()
  }

  #set(): void {
    const day = Math.sin((2 * Math.PI * this.#minute) / DAY + this.#phase)
    this.traffic = this.#shape === 'seasonal' ? Math.exp(0.5 * day) : 1
    this.level = this.#shape === 'seasonal' ? Math.exp(0.3 * day) : this.#shared.factor
  }

  /** Events of a version in a part of the present minute, whose mean would be `mean` at level and traffic 1. */
  events(mean: number, version: 0 | 1): number {
    const own = mean * this.traffic * this.level * this.#own[version].factor
    if (this.#shape !== 'bursty') return this.poisson(own)
    // Negative binomial as a Poisson count with a gamma mean.
    return this.poisson((BURST - 1) * this.gamma(own / (BURST - 1)))
  }

  normal(): number {
    return normalDraw(this.#random)
  }

  /** Knuth's products for small means, transformed rejection (Hoermann 1993, PTRS) for others. */
  poisson(mean: number): number {
    const random = this.#random
    if (mean < 12) return poissonDraw(mean, random)
    const b = 0.931 + 2.53 * Math.sqrt(mean)
    const a = -0.059 + 0.02483 * b
    const inverse = 1.1239 + 1.1328 / (b - 3.4)
    for (;;) {
      const u = random() - 0.5
      const v = random()
      const us = 0.5 - Math.abs(u)
      const k = Math.floor(((2 * a) / us + b) * u + mean + 0.43)
      if (us >= 0.07 && v <= 0.9277 - 3.6224 / (b - 2)) return k
      if (k < 0 || (us < 0.013 && v > us)) continue
      if (Math.log((v * inverse) / (a / (us * us) + b)) <= k * Math.log(mean) - mean - logGamma(k + 1)) {
        return k
      }
    }
  }

  /** Gamma of scale 1 (Marsaglia and Tsang 2000). @param shape > 0 */
  gamma(shape: number): number {
    if (shape < 1) return this.gamma(shape + 1) * this.#random() ** (1 / shape)
    const d = shape - 1 / 3
    const c = 1 / Math.sqrt(9 * d)
    for (;;) {
      const x = this.normal()
      const v = (1 + c * x) ** 3
      if (v > 0 && Math.log(1 - this.#random()) < 0.5 * x * x + d * (1 - v + Math.log(v))) return d * v
    }
  }

  /** Durations of so many requests, log-normal around `scale` seconds, as a histogram. */
  durations(count: number, scale: number): Map<number, number> {
    const histogram = new Map<number, number>()
    for (let i = 0; i < count; i++) {
      const bucket = bucketOf(scale * Math.exp(0.6 * this.normal()))
      histogram.set(bucket, (histogram.get(bucket) ?? 0) + 1)
    }
    return histogram
  }

  /** Level that both versions share times the version's own. */
  levelOf(version: 0 | 1): number {
    return this.level * this.#own[version].factor
  }
}

/** Exponential of a stationary AR(1). */
class Drift {
  readonly #memory: number
  readonly #deviation: number
  readonly #normal: () => number
  #state: number

  constructor(deviation: number, memory: number, normal: () => number) {
    this.#deviation = deviation
    this.#memory = memory
    this.#normal = normal
    this.#state = deviation === 0 ? 0 : deviation * normal()
  }

  step(): void {
    if (this.#deviation === 0) return
    const innovation = this.#deviation * Math.sqrt(1 - this.#memory * this.#memory)
    this.#state = this.#memory * this.#state + innovation * this.#normal()
  }

  get factor(): number {
    return Math.exp(this.#state)
  }
}

const EMPTY: Cell = { time: 0, count: 0, bad: 0, sum: 0, sumSquares: 0, min: 0, max: 0 }

export function cell(time: number, fill: Partial<Cell>): Cell {
  return { ...EMPTY, time, ...fill }
}
