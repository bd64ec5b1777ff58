import { holm } from '../../analytics/stats/holm.ts'
import { normalUpperTail } from '../../analytics/stats/normal.ts'

const FALSE_ALARMS = 0.01

/** The score that at most one in a hundred quiet moments is above. */
export function thresholdOf(scores: Float64Array): number {
  const sorted = scores.filter((score) => !Number.isNaN(score)).sort()
  return sorted[Math.max(0, sorted.length - 1 - Math.floor(FALSE_ALARMS * sorted.length))] ?? 0
}

/** Those of the paired differences that Holm's method finds above and below 0, at 5 % each. */
export function significant<T extends { readonly z: number }>(
  tests: readonly T[],
): { readonly above: readonly T[]; readonly below: readonly T[] } {
  const found = (sign: number): readonly T[] => {
    const adjusted = holm(
      tests.map(({ z }) => ({ p: normalUpperTail(sign * z), weight: 1 })),
      0.05,
    )
    return tests.filter((_, i) => (adjusted[i] as number) <= 0.05)
  }
  return { above: found(1), below: found(-1) }
}

/** Share of ones. */
export function shareOf(found: Uint8Array): number {
  return found.reduce((sum, one) => sum + one, 0) / found.length
}
