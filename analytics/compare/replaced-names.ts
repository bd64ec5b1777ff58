/** How often each name was seen, a minute. */
export type Frequencies = ReadonlyMap<string, number>

export interface Replacement {
  readonly from: string
  readonly to: string
}

/** A name that took another's place is seen as often: within this factor. */
const AS_OFTEN = 1.5
/** Names that are seen less often than this (a minute) come and go by themselves. */
const OFTEN_ENOUGH = 0.2

/**
 * Names that ended and names that began instead, as often: what a change of instrumentation does to routes or statements, and no release of behaviour.
 * Each name is paired at most once, the most alike first (words in common, then frequency).
 * @param before by name, in the time before; names that are in both are left alone
 */
export function replacedNames(before: Frequencies, after: Frequencies): readonly Replacement[] {
  const gone = often(before).filter(([name]) => !after.has(name))
  const begun = often(after).filter(([name]) => !before.has(name))
  const pairs = gone.flatMap(([from, was]) =>
    begun.flatMap(([to, is]) => {
      const factor = Math.max(was / is, is / was)
      const common = likeness(from, to)
      // Names without a word in common may have changed places by chance.
      return factor <= AS_OFTEN && common > 0 ? [{ from, to, common, factor }] : []
    }),
  )
  pairs.sort((a, b) => b.common - a.common || a.factor - b.factor)
  const taken = new Set<string>()
  return pairs.flatMap(({ from, to }) => {
    if (taken.has(`-${from}`) || taken.has(`+${to}`)) return []
    taken.add(`-${from}`).add(`+${to}`)
    return [{ from, to }]
  })
}

function often(names: Frequencies): [string, number][] {
  return [...names].filter(([name, frequency]) => name !== '' && frequency >= OFTEN_ENOUGH)
}

/** Share of words that two names have in common (Jaccard 1912), methods of HTTP left out: all routes have those. */
function likeness(a: string, b: string): number {
  const one = words(a)
  const other = words(b)
  const common = [...one].filter((word) => other.has(word)).length
  return common / (one.size + other.size - common)
}

function words(name: string): Set<string> {
  return new Set(name.split(/[^\p{L}\p{N}]+/u).filter((word) => word !== '' && !/^[A-Z]+$/.test(word)))
}
