export interface ControlEffect {
  /** Log ratio (or difference) of a comparison where nothing was released. */
  readonly effect: number
  /** Its variance by its own minutes. */
  readonly variance: number
}

export interface ControlShift {
  /** What would have changed without the release: the controls' mean effect. */
  readonly shift: number
  /** Variance that the comparison takes on from the controls: of their mean, and of one more occasion around it. */
  readonly variance: number
  readonly degreesOfFreedom: number
  readonly count: number
  /** True where the spread of the controls says how far occasions differ, so that no other drift need be added. */
  readonly spreadKnown: boolean
}

/** From this many controls on their own spread is used for how far one occasion lies from another. */
const SPREAD_FROM = 4

/**
 * Difference in differences: the mean effect over controls, with the variance of a new occasion around it (method of moments
 * over the controls, as in random-effects meta-analysis).
 */
export function controlShift(controls: readonly ControlEffect[]): ControlShift | undefined {
  const count = controls.length
  if (count === 0) return undefined
  let shift = 0
  let own = 0
  for (const control of controls) {
    shift += control.effect / count
    own += control.variance / count
  }
  if (count < SPREAD_FROM) {
    return { shift, variance: own / count, degreesOfFreedom: 4 * count, count, spreadKnown: false }
  }
  let spread = 0
  for (const control of controls) spread += (control.effect - shift) ** 2 / (count - 1)
  const between = Math.max(0, spread - own)
  return {
    shift,
    variance: between + Math.max(spread, own) / count,
    degreesOfFreedom: count - 1,
    count,
    spreadKnown: true,
  }
}
