/** Presence of a version in a span of time, seconds since the epoch; spans of one version may touch but not overlap. */
export interface Presence {
  readonly version: string
  readonly from: number
  /** Exclusive. */
  readonly to: number
  readonly count: number
}

export interface Takeover {
  readonly version: string
  /** Seconds since the epoch. */
  readonly at: number
  /** True: the version was there before, was away while another served, and serves again. */
  readonly returned: boolean
}

export interface Timeline {
  /** Oldest first. */
  readonly takeovers: readonly Takeover[]
  /** For each version, when it was last seen while others went on long enough to say that it is gone. */
  readonly gone: ReadonlyMap<string, { readonly at: number; readonly by: ReadonlySet<string> }>
}

/** A version is away only after so long in which another one served. */
export const AWAY_SECONDS = 600

/**
 * Reads from presences which versions came, came back and went.
 * @param presences of one service and environment, any order, without 'unknown'
 */
export function readTimeline(presences: readonly Presence[]): Timeline {
  const ordered = [...presences].sort((a, b) => a.from - b.from)
  const versions = new Set(ordered.map((presence) => presence.version))
  const takeovers: Takeover[] = []
  const gone = new Map<string, { at: number; by: ReadonlySet<string> }>()
  for (const version of versions) {
    const own = ordered.filter((presence) => presence.version === version)
    const others = ordered.filter((presence) => presence.version !== version)
    let end: number | undefined
    for (const presence of own) {
      if (end === undefined) {
        takeovers.push({ version, at: presence.from, returned: false })
      } else if (
        presence.from - end >= AWAY_SECONDS &&
        servedFor(others, end, presence.from) >= AWAY_SECONDS / 2 &&
        leads(ordered, version, presence.from)
      ) {
        takeovers.push({ version, at: presence.from, returned: true })
      }
      end = Math.max(end ?? 0, presence.to)
    }
    const last = end ?? 0
    const later = others.filter((presence) => presence.to > last)
    if (servedFor(later, last, Number.POSITIVE_INFINITY) >= AWAY_SECONDS) {
      gone.set(version, { at: last, by: new Set(later.map((presence) => presence.version)) })
    }
  }
  return { takeovers: takeovers.sort((a, b) => a.at - b.at), gone }
}

/** Seconds from `from` to `to` between the first and the last sight of any of the presences. */
function servedFor(presences: readonly Presence[], from: number, to: number): number {
  let first = Number.POSITIVE_INFINITY
  let last = Number.NEGATIVE_INFINITY
  for (const presence of presences) {
    if (presence.to <= from || presence.from >= to) continue
    first = Math.min(first, Math.max(presence.from, from))
    last = Math.max(last, Math.min(presence.to, to))
  }
  return Math.max(0, last - first)
}

/** Whether a version has at least half of the traffic soon after it came back: a straggler has not. */
function leads(presences: readonly Presence[], version: string, at: number): boolean {
  let own = 0
  let all = 0
  for (const presence of presences) {
    const overlap = Math.min(presence.to, at + AWAY_SECONDS) - Math.max(presence.from, at)
    if (overlap <= 0) continue
    const count = presence.count * (overlap / (presence.to - presence.from))
    all += count
    if (presence.version === version) own += count
  }
  return own >= all / 2
}
