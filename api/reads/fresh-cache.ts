/**
 * Keeps results for a short time and lets callers who ask at once share one load, so that many readers cost the store one query.
 * The oldest entries leave when there are too many.
 */
export class FreshCache {
  readonly #entries = new Map<string, { at: number; value: Promise<unknown> }>()
  readonly #clock: () => number
  readonly #freshMs: number
  readonly #most: number

  /** @param freshMs milliseconds; Infinity where the key itself says which state of the data it is of */
  constructor(clock: () => number, freshMs: number, most: number) {
    this.#clock = clock
    this.#freshMs = freshMs
    this.#most = most
  }

  get<T>(key: string, load: () => Promise<T>): Promise<T> {
    const now = this.#clock()
    const known = this.#entries.get(key)
    if (known !== undefined && now - known.at < this.#freshMs) return known.value as Promise<T>
    const value = load()
    this.#entries.delete(key)
    this.#entries.set(key, { at: now, value })
    value.catch(() => {
      if (this.#entries.get(key)?.value === value) this.#entries.delete(key)
    })
    if (this.#entries.size > this.#most) {
      const oldest = this.#entries.keys().next().value
      if (oldest !== undefined) this.#entries.delete(oldest)
    }
    return value
  }

  clear(): void {
    this.#entries.clear()
  }
}
