import { AWAY_SECONDS, hasLeft, type Presence, shareOf } from './absence.ts'

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
  /** For each version that has left, when it was last seen, and who has been since. */
  readonly gone: ReadonlyMap<string, { readonly at: number; readonly by: ReadonlySet<string> }>
  /** For each version that had left and serves again as it did, since when (seconds). */
  readonly back: ReadonlyMap<string, number>
}

/** Seconds for which a version has to lead, or serve, before it counts as back: another's telemetry may only be late. */
const STAYS = 60

/**
 * Reads from presences which versions came, came back and went.
 * @param presences of one service and environment, any order, without 'unknown'; spans of one version may touch but not overlap
 */
export function readTimeline(presences: readonly Presence[]): Timeline {
  const ordered = [...presences].sort((a, b) => a.from - b.from)
  const newest = ordered.reduce((latest, { to }) => Math.max(latest, to), 0)
  const versions = new Set(ordered.map((presence) => presence.version))
  const takeovers: Takeover[] = []
  const gone = new Map<string, { at: number; by: ReadonlySet<string> }>()
  const back = new Map<string, number>()
  for (const version of versions) {
    const own = ordered.filter((presence) => presence.version === version)
    const others = ordered.filter((presence) => presence.version !== version)
    let end: number | undefined
    for (const presence of own) {
      if (end === undefined) {
        takeovers.push({ version, at: presence.from, returned: false })
      } else if (presence.from > end) {
        if (
          presence.from - end >= AWAY_SECONDS &&
          servedFor(others, end, presence.from) >= AWAY_SECONDS / 2 &&
          newest - presence.from >= STAYS &&
          shareOf(ordered, version, presence.from, presence.from + AWAY_SECONDS) >= 0.5
        )
          takeovers.push({ version, at: presence.from, returned: true })
        if (
          newest - presence.from >= STAYS &&
          hasLeft(ordered, version, end, presence.from) &&
          shareOf(ordered, version, presence.from, newest) >=
            shareOf(ordered, version, end - AWAY_SECONDS, end) / 2
        )
          back.set(version, presence.from)
      }
      end = Math.max(end ?? 0, presence.to)
    }
    const last = end ?? 0
    if (last < newest && hasLeft(ordered, version, last, newest)) {
      const later = others.filter((presence) => presence.to > last)
      gone.set(version, { at: last, by: new Set(later.map((presence) => presence.version)) })
      back.delete(version)
    }
  }
  return { takeovers: takeovers.sort((a, b) => a.at - b.at), gone, back }
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
