import { poissonDraw } from '../../../analytics/stats/poisson-draw.ts'
import { seededRandom } from '../../../analytics/stats/random.ts'

/** Random draws of one seeded stream; streams of other names are independent. */
export class Draws {
  readonly uniform: () => number
  #spare: number | undefined

  constructor(seed: number, stream: string) {
    let hash = 2166136261 ^ seed
    for (const char of stream) hash = Math.imul(hash ^ char.charCodeAt(0), 16777619)
    this.uniform = seededRandom(hash)
  }

  /** @returns at least `low`, below `high` */
  between(low: number, high: number): number {
    return low + (high - low) * this.uniform()
  }

  /** @returns a whole number from `low` to `high`, both possible */
  whole(low: number, high: number): number {
    return Math.floor(this.between(low, high + 1))
  }

  pick<T>(items: readonly T[]): T {
    const item = items[Math.floor(this.uniform() * items.length)]
    if (item === undefined) throw new RangeError('nothing to pick from')
    return item
  }

  /** Fisher and Yates. */
  shuffled<T>(items: readonly T[]): T[] {
    const copy = [...items]
    for (let i = copy.length - 1; i > 0; i--) {
      const j = this.whole(0, i)
      const item = copy[i] as T
      copy[i] = copy[j] as T
      copy[j] = item
    }
    return copy
  }

  /** Standard normal, by the polar method (Marsaglia and Bray 1964). */
  normal(): number {
    if (this.#spare !== undefined) {
      const spare = this.#spare
      this.#spare = undefined
      return spare
    }
    for (;;) {
      const x = 2 * this.uniform() - 1
      const y = 2 * this.uniform() - 1
      const square = x * x + y * y
      if (square > 0 && square < 1) {
        const scale = Math.sqrt((-2 * Math.log(square)) / square)
        this.#spare = y * scale
        return x * scale
      }
    }
  }

  /** @param mean 0 to about 500 */
  poisson(mean: number): number {
    return poissonDraw(mean, this.uniform)
  }

  /** Mean 1, variance 1/shape (Marsaglia and Tsang 2000). @param shape at least 1 */
  gammaOfMeanOne(shape: number): number {
    const d = shape - 1 / 3
    const c = 1 / Math.sqrt(9 * d)
    for (;;) {
      const x = this.normal()
      const v = (1 + c * x) ** 3
      if (v > 0 && Math.log(this.uniform()) < 0.5 * x * x + d * (1 - v + Math.log(v))) return (d * v) / shape
    }
  }
}

/** A stationary first-order autoregression around 0. */
export class Autoregression {
  readonly #draws: Draws
  readonly #memory: number
  readonly #innovation: number
  value: number

  /** @param memory correlation of neighbours, 0 to 1  @param deviation standard deviation of the values */
  constructor(draws: Draws, memory: number, deviation: number) {
    this.#draws = draws
    this.#memory = memory
    this.#innovation = deviation * Math.sqrt(1 - memory * memory)
    this.value = deviation * draws.normal()
  }

  step(): void {
    this.value = this.#memory * this.value + this.#innovation * this.#draws.normal()
  }
}
