import { CollectError } from './collector.ts'
import type { Metric } from './metric.ts'

/** Reads a target in parts, so that what an account may not see leaves the rest. */
export class Sections {
  readonly metrics: Metric[] = []
  readonly problems: string[] = []
  readonly #refused: (error: unknown) => boolean
  #read = 0

  /** @param refused true for errors in which the server refused one statement and goes on */
  constructor(refused: (error: unknown) => boolean) {
    this.#refused = refused
  }

  /** @throws whatever `read` throws, unless the server only refused it */
  async read(name: string, read: () => Promise<readonly Metric[]>): Promise<void> {
    try {
      this.metrics.push(...(await read()))
      this.#read += 1
    } catch (error) {
      if (!(error instanceof CollectError) && !this.#refused(error)) throw error
      this.problems.push(`${name}: ${(error as Error).message}`)
    }
  }

  /** @throws CollectError if no part could be read */
  finish(): readonly Metric[] {
    if (this.#read === 0) throw new CollectError(this.problems.join('; '))
    return this.metrics
  }
}
