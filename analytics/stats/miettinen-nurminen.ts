export interface Proportions {
  /** Bad and all, after and before; need not be whole, so that they can come divided by a design effect. */
  readonly badAfter: number
  readonly allAfter: number
  readonly badBefore: number
  readonly allBefore: number
}

/**
 * Score statistic of Miettinen and Nurminen (1985, *Statistics in Medicine* 4, eq. 9 to 11) for the ratio of two
 * proportions, with the closed form of the constrained estimate by Farrington and Manning (1990).
 * @param ratio the ratio under test, > 0
 * @returns signed normal score, positive when the proportion after is higher than `ratio` times the one before
 */
export function ratioScore(p: Proportions, ratio = 1): number {
  const all = p.allAfter + p.allBefore
  const a = all * ratio
  const b = -(p.allAfter * ratio + p.badAfter + p.allBefore + p.badBefore * ratio)
  const c = p.badAfter + p.badBefore
  const before = Math.min(1, Math.max(0, (-b - Math.sqrt(Math.max(0, b * b - 4 * a * c))) / (2 * a)))
  const after = Math.min(1, before * ratio)
  const variance =
    ((after * (1 - after)) / p.allAfter + (ratio * ratio * before * (1 - before)) / p.allBefore) *
    (all / (all - 1))
  const distance = p.badAfter / p.allAfter - (ratio * p.badBefore) / p.allBefore
  return scoreOf(distance, variance)
}

/**
 * The same for the difference of two proportions (eq. 5 to 8).
 * @param difference the difference under test, -1 to 1
 */
export function differenceScore(p: Proportions, difference = 0): number {
  const all = p.allAfter + p.allBefore
  const bad = p.badAfter + p.badBefore
  const l3 = all
  const l2 = (p.allAfter + 2 * p.allBefore) * difference - all - bad
  const l1 = (p.allBefore * difference - all - 2 * p.badBefore) * difference + bad
  const l0 = p.badBefore * difference * (1 - difference)
  const q = l2 ** 3 / (3 * l3) ** 3 - (l1 * l2) / (6 * l3 ** 2) + l0 / (2 * l3)
  const root = Math.sqrt(Math.max(0, l2 ** 2 / (3 * l3) ** 2 - l1 / (3 * l3)))
  const u = q >= 0 ? root : -root
  const angle = u === 0 ? 0 : Math.max(-1, Math.min(1, q / u ** 3))
  const before = Math.min(1, Math.max(0, 2 * u * Math.cos((Math.PI + Math.acos(angle)) / 3) - l2 / (3 * l3)))
  const after = Math.min(1, Math.max(0, before + difference))
  const variance =
    ((after * (1 - after)) / p.allAfter + (before * (1 - before)) / p.allBefore) * (all / (all - 1))
  return scoreOf(p.badAfter / p.allAfter - p.badBefore / p.allBefore - difference, variance)
}

/**
 * Interval of the ratio: all ratios whose score lies within +- `score`.
 * @returns lower bound (0 without bad ones after), upper bound (Infinity without bad ones before)
 */
export function ratioInterval(p: Proportions, score: number): [number, number] {
  const low = p.badAfter <= 0 ? 0 : Math.exp(bisect((log) => ratioScore(p, Math.exp(log)) > score, -30, 30))
  const high =
    p.badBefore <= 0
      ? Number.POSITIVE_INFINITY
      : Math.exp(bisect((log) => ratioScore(p, Math.exp(log)) > -score, -30, 30))
  return [low, high]
}

/** Interval of the difference: all differences whose score lies within +- `score`. */
export function differenceInterval(p: Proportions, score: number): [number, number] {
  return [
    bisect((d) => differenceScore(p, d) > score, -1, 1),
    bisect((d) => differenceScore(p, d) > -score, -1, 1),
  ]
}

function scoreOf(distance: number, variance: number): number {
  if (variance <= 0) return distance === 0 ? 0 : Math.sign(distance) * Number.POSITIVE_INFINITY
  return distance / Math.sqrt(variance)
}

/** Where a predicate that holds at the lower end stops holding. */
function bisect(holds: (x: number) => boolean, low: number, high: number): number {
  let from = low
  let to = high
  for (let i = 0; i < 50; i++) {
    const middle = (from + to) / 2
    if (holds(middle)) from = middle
    else to = middle
  }
  return (from + to) / 2
}
