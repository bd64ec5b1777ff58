import type { Cell } from '../../schemas/cell.ts'
import { conditionalMidP } from '../stats/conditional-binomial.ts'
import { incompleteGamma } from '../stats/incomplete-gamma.ts'
import { ratioOfSums } from '../stats/ratio-of-sums.ts'
import { align, countOf } from './align.ts'

export interface KindInput {
  /** Cells of one kind of event (an exception's fingerprint, a message's template). */
  readonly before: readonly Cell[]
  readonly after: readonly Cell[]
  readonly exposure: { readonly before: readonly Cell[]; readonly after: readonly Cell[] }
  /** True if the kind was seen before the time before. */
  readonly seenEarlier: boolean
  readonly alpha: number
  readonly stepSeconds?: number
}

export type KindFact =
  | { readonly kind: 'new' | 'resurfaced' | 'gone'; readonly p: number; readonly rateBound: number }
  | { readonly kind: 'none' }
  /** It may be new (or gone), but its absence on the other side says too little. */
  | { readonly kind: 'uninformative'; readonly p: number; readonly rateBound: number }

/**
 * Whether a kind of event is new, back, or gone. Exact: if nothing had changed, all k events would have fallen on one side
 * with probability (that side's share of the exposure)^k. Bursts count as one: k is divided by the dispersion of its minutes.
 * `new` is claimed only where that probability is at most alpha, so that the absence before was informative.
 * @returns `rateBound`: upper bound, at 1 - alpha, of the rate on the side without events (events per exposure)
 */
export function kindFact(input: KindInput): KindFact {
  const step = input.stepSeconds ?? 60
  const line = (events: readonly Cell[], exposure: readonly Cell[]) =>
    align({ cells: events, take: countOf }, { cells: exposure, take: countOf }, step)
  const before = line(input.before, input.exposure.before)
  const after = line(input.after, input.exposure.after)
  if (before === undefined || after === undefined) return { kind: 'none' }
  const arms = {
    before: ratioOfSums(before.numerator, before.denominator),
    after: ratioOfSums(after.numerator, after.denominator),
  }
  const appeared = arms.before.numerator === 0 && arms.after.numerator > 0
  const vanished = arms.after.numerator === 0 && arms.before.numerator > 0
  if (!appeared && !vanished) return { kind: 'none' }
  const seen = appeared ? arms.after : arms.before
  const unseen = appeared ? arms.before : arms.after
  const dispersion = Math.max(1, seen.variance / (seen.estimate / seen.denominator))
  // All or nothing has no "half": the plain tail is the exact one here.
  const midP = conditionalMidP({
    after: seen.numerator / dispersion,
    before: 0,
    exposureAfter: seen.denominator,
    exposureBefore: unseen.denominator,
  }).upper
  const p = Math.min(1, 2 * midP)
  const rateBound = (dispersion * upperPoisson(input.alpha)) / unseen.denominator
  if (p > input.alpha) return { kind: 'uninformative', p, rateBound }
  return { kind: appeared ? (input.seenEarlier ? 'resurfaced' : 'new') : 'gone', p, rateBound }
}

/** Mean of a Poisson count that shows 0 with probability alpha. */
function upperPoisson(alpha: number): number {
  let low = 0
  let high = 100
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2
    if (incompleteGamma(1, middle).upper > alpha) low = middle
    else high = middle
  }
  return (low + high) / 2
}
