const FIRST = 5_000
const LONGEST = 120_000

/**
 * Milliseconds to wait after the n-th attempt that failed: doubled each time, at most two minutes, so that a receiver which comes back hears soon. Half of it is chance, so
 * that many who were refused at once do not come back at once.
 * @param attempts at least 1
 * @param random uniform in [0, 1)
 */
export function backoff(attempts: number, random: () => number): number {
  const longest = Math.min(LONGEST, FIRST * 2 ** Math.min(attempts - 1, 20))
  return Math.round(longest * (0.5 + random() / 2))
}
