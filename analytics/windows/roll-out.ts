/** Share of a version in one minute; `time` in milliseconds. */
export interface ShareAt {
  readonly time: number
  /** 0 to 1. */
  readonly share: number
}

/** Of the settled share: from here on a version counts as rolled out. */
const SETTLED = 0.9
const NEWEST = 10

/**
 * When a version's share had settled: the first minute from which on it never again stays below nine tenths of what it came to.
 * @param shares oldest first, of minutes that had traffic
 * @returns milliseconds; undefined without any traffic
 */
export function rollOutEnd(shares: readonly ShareAt[]): number | undefined {
  const newest = shares
    .slice(-NEWEST)
    .map(({ share }) => share)
    .sort((a, b) => a - b)
  const settled = newest[Math.floor(newest.length / 2)]
  if (settled === undefined || settled === 0) return undefined
  // Three minutes together, so that one thin minute is not taken for a roll-out that goes on.
  const smooth = shares.map((_, at) => {
    const near = shares.slice(at, at + 3)
    return near.reduce((sum, { share }) => sum + share, 0) / near.length
  })
  return shares[smooth.findIndex((share) => share >= SETTLED * settled)]?.time
}
