import type { Line } from './placebo-moments.ts'

export interface Judgement {
  /** Whether the method, as it comes, calls this a change. */
  readonly alarm: boolean
  /** Larger: stronger evidence of a change in either direction. */
  readonly score: number
  /** Two-sided p; absent where the method has none. */
  readonly p?: number
}

/** A way to compare the time before a moment with the window after it. */
export interface Method {
  readonly name: string
  /**
   * @param at first slot after the moment: nothing from there on may be looked at
   * @param window slots of the window after
   * @returns judges a window after; values a slot, NaN for none
   */
  readonly prepare: (line: Line, at: number, window: number) => (after: Float64Array) => Judgement
}

/** The window before, of the length of the window after. */
export function before(line: Line, at: number, window: number): Float64Array {
  return present(line.values.subarray(Math.max(0, at - window), at))
}

export function present(values: Float64Array): Float64Array {
  return values.filter((value) => !Number.isNaN(value))
}
