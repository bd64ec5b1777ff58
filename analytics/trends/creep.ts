import { normalUpperQuantile, normalUpperTail } from '../stats/normal.ts'

export interface Span {
  /** Seconds since the epoch. */
  readonly from: number
  readonly to: number
}

/** What one release did to a signal, as its verdict has it. */
export interface ReleaseEffect {
  readonly name: string
  /** On the scale that is added up: the logarithm of after by before, or after less before. */
  readonly effect: number
  readonly standardError: number
  /** Windows that were compared; side by side they are the same. */
  readonly before: Span
  readonly after: Span
}

export interface Contribution {
  readonly name: string
  readonly effect: number
  readonly low: number
  readonly high: number
}

export interface Creep {
  readonly sum: number
  readonly standardError: number
  readonly low: number
  readonly high: number
  /** Two-sided, of a sum of zero. */
  readonly p: number
  /** Oldest first. */
  readonly contributions: readonly Contribution[]
  /** Left out, since their time before begins before the release before them: their effect holds that one's too. */
  readonly overlapping: readonly string[]
}

/**
 * The sum of the effects of a service's releases on a signal. Each effect is the level of its after window less that of its before window, so
 * the sum has everything that came with releases and nothing that came between them. The variance of a sum has the covariances of its terms: where the window after
 * a release and the window before the next one share time, the same noise enters once with each sign and partly cancels; where the windows before
 * (or after) two releases share time, it adds up. An effect's variance is split between its windows in inverse proportion to their lengths, and
 * shared time counts in proportion to what it is of both (equal variance a minute, long windows).
 * @param effects oldest first
 * @param alpha of all intervals, e.g. 0.05
 * @returns undefined without any effect whose error is known
 */
export function creep(effects: readonly ReleaseEffect[], alpha: number): Creep | undefined {
  const overlapping: string[] = []
  const terms: ReleaseEffect[] = []
  for (const effect of effects) {
    if (!Number.isFinite(effect.effect) || !(effect.standardError > 0)) continue
    const last = terms.at(-1)
    // What was compared side by side needs no time before.
    const sideBySide = shared(effect.before, effect.after) > 0
    if (last !== undefined && !sideBySide && effect.before.from < last.after.from) {
      overlapping.push(effect.name)
    } else terms.push(effect)
  }
  if (terms.length === 0) return undefined
  const z = normalUpperQuantile(alpha / 2)
  let sum = 0
  let variance = 0
  for (const [i, term] of terms.entries()) {
    sum += term.effect
    variance += term.standardError ** 2
    for (const other of terms.slice(i + 1)) variance += 2 * covariance(term, other)
  }
  // Errors of standard errors must not make a certainty of a sum: never less than its best known term.
  const least = Math.min(...terms.map(({ standardError }) => standardError))
  const standardError = Math.sqrt(Math.max(variance, least ** 2))
  return {
    sum,
    standardError,
    low: sum - z * standardError,
    high: sum + z * standardError,
    p: Math.min(1, 2 * normalUpperTail(Math.abs(sum) / standardError)),
    contributions: terms.map((term) => ({
      name: term.name,
      effect: term.effect,
      low: term.effect - z * term.standardError,
      high: term.effect + z * term.standardError,
    })),
    overlapping,
  }
}

/** Of two effects, by the noise of the windows that they share. */
function covariance(a: ReleaseEffect, b: ReleaseEffect): number {
  const arms = (effect: ReleaseEffect) => {
    const before = Math.max(1, effect.before.to - effect.before.from)
    const after = Math.max(1, effect.after.to - effect.after.from)
    const variance = effect.standardError ** 2
    return [
      { span: effect.before, sign: -1, length: before, variance: (variance * after) / (before + after) },
      { span: effect.after, sign: 1, length: after, variance: (variance * before) / (before + after) },
    ]
  }
  let sum = 0
  for (const x of arms(a)) {
    for (const y of arms(b)) {
      const share = shared(x.span, y.span) / Math.sqrt(x.length * y.length)
      sum += x.sign * y.sign * share * Math.sqrt(x.variance * y.variance)
    }
  }
  return sum
}

const shared = (a: Span, b: Span): number => Math.max(0, Math.min(a.to, b.to) - Math.max(a.from, b.from))
