export interface Mark {
  readonly name: string
  /** Of the first value measured with it. */
  readonly index: number
}

export interface Marks {
  /** Any order. */
  readonly releases: readonly Mark[]
  /** Known changes that are no release: machines, runtimes, instrumentation. */
  readonly environments: readonly Mark[]
  /**
   * 'deployed': the series is measured on what runs, so a release's change comes with its mark. 'commits': it is measured at each commit, so a
   * change comes before the release that ships it, however near the one before it is.
   */
  readonly measured: 'deployed' | 'commits'
  /** Values in the series. */
  readonly length: number
}

export type Cause =
  | { readonly kind: 'environment'; readonly names: readonly string[] }
  | {
      readonly kind: 'release'
      /** More than one where the change cannot be told apart between them; oldest first. */
      readonly names: readonly string[]
      /** Share of moments of the series that would have been matched as well: near 1 the match says nothing. */
      readonly byChance: number
    }
  | { readonly kind: 'unexplained' }

/**
 * What a change goes with. A known change of the environment within the change's window explains it, whatever release is beside it. Else it
 * goes with the releases within the window or, in a series over commits, with the one that ships first what was committed there. Else it
 * is unexplained: the nearest release is no cause for being near.
 * @param change indices, both ends included: where it may have happened
 */
export function causeOf(change: { readonly earliest: number; readonly latest: number }, marks: Marks): Cause {
  const environments = within(marks.environments, change.earliest, change.latest)
  if (environments.length > 0) return { kind: 'environment', names: environments.map(({ name }) => name) }
  const releases = marks.releases.toSorted((a, b) => a.index - b.index)
  if (marks.measured === 'commits') {
    // Release r ships the commits after its predecessor up to its own.
    const shipping = releases.filter(({ index }, at) => {
      const previous = releases[at - 1]?.index ?? Number.NEGATIVE_INFINITY
      return previous < change.latest && index >= change.earliest && previous < index
    })
    if (shipping.length === 0) return { kind: 'unexplained' }
    // Every commit is shipped by some release: what could be wrong is which.
    return { kind: 'release', names: shipping.map(({ name }) => name), byChance: 1 / releases.length }
  }
  const matched = within(releases, change.earliest, change.latest)
  if (matched.length === 0) return { kind: 'unexplained' }
  const width = change.latest - change.earliest
  let also = 0
  for (let from = 0; from + width < marks.length; from++) {
    if (within(releases, from, from + width).length > 0) also++
  }
  return {
    kind: 'release',
    names: matched.map(({ name }) => name),
    byChance: also / Math.max(1, marks.length - width),
  }
}

/** Marks of the window, or one step before it: the step in which something is deployed is half old. */
function within(marks: readonly Mark[], earliest: number, latest: number): readonly Mark[] {
  return marks.filter(({ index }) => index >= earliest - 1 && index <= latest)
}
