import type { Report, Verdict } from '../../schemas/contracts/report.ts'
import type { Verification } from '../../schemas/contracts/verification.ts'

type Difference = Verification['differences'][number]
type Value = string | number | null

/** Sums of floating-point numbers depend on the order of the parts: a relative difference up to here is none. */
const TOLERANCE = 1e-6

/** Compares what two reports say, word by word and number by number. */
export function compareReports(
  stored: Report,
  recomputed: Report,
): { readonly compared: number; readonly differences: readonly Difference[] } {
  const differences: Difference[] = []
  let compared = 0
  const check = (of: Pick<Verdict, 'signal' | 'dimension'>, field: string, a: Value, b: Value): void => {
    compared += 1
    if (!same(a, b)) differences.push({ ...of, field, stored: a, recomputed: b })
  }
  const whole = { signal: '', dimension: '' }
  // What became of a deployment later is news, not a number: only judged states are compared.
  if (isJudged(stored.state) && isJudged(recomputed.state))
    check(whole, 'state', stored.state, recomputed.state)
  check(whole, 'design', stored.design, recomputed.design)
  check(whole, 'baselineVersion', stored.baselineVersion, recomputed.baselineVersion)
  const again = new Map(recomputed.verdicts.map((verdict) => [keyOf(verdict), verdict]))
  for (const verdict of stored.verdicts) {
    const of = { signal: verdict.signal, dimension: verdict.dimension }
    const other = again.get(keyOf(verdict))
    again.delete(keyOf(verdict))
    if (other === undefined) {
      check(of, 'word', verdict.word, null)
      continue
    }
    const a = valuesOf(verdict)
    const b = valuesOf(other)
    for (const field of Object.keys(a)) check(of, field, a[field] ?? null, b[field] ?? null)
  }
  for (const verdict of again.values()) {
    check({ signal: verdict.signal, dimension: verdict.dimension }, 'word', null, verdict.word)
  }
  return { compared, differences }
}

function isJudged(state: Report['state']): boolean {
  return state !== 'rolled_back' && state !== 'superseded'
}

function keyOf(verdict: Verdict): string {
  return JSON.stringify([verdict.signal, verdict.dimension])
}

function valuesOf(verdict: Verdict): Record<string, Value> {
  return {
    word: verdict.word,
    method: verdict.method,
    design: verdict.design,
    effectRatio: verdict.effectRatio,
    effectDifference: verdict.effectDifference,
    'interval.low': verdict.interval[0],
    'interval.high': verdict.interval[1],
    pValue: verdict.pValue,
    adjustedPValue: verdict.adjustedPValue,
    'before.count': verdict.before.count,
    'after.count': verdict.after.count,
  }
}

function same(a: Value, b: Value): boolean {
  if (typeof a !== 'number' || typeof b !== 'number') return a === b
  // p-values far out: what is below 1e-12 is all the same evidence.
  return Math.abs(a - b) <= TOLERANCE * Math.max(Math.abs(a), Math.abs(b)) + 1e-12
}
