import { logBeta } from '../stats/gamma.ts'

/** Traffic of one version in a span of time, seconds since the epoch. */
export interface Presence {
  readonly version: string
  readonly from: number
  /** Exclusive. */
  readonly to: number
  readonly count: number
}

/** Seconds in which others have to be seen before a version's silence says anything: a last batch may be late, a lone instance may start again. */
const SHORTEST = 90
/** Seconds after which it no longer matters whether others have taken over, and how small a share was. */
export const AWAY_SECONDS = 600
/** Seconds before the silence that show a version's share; where traffic is sparse, a day. */
const SHARE_SECONDS = 1800
const SPARSE_SECONDS = 86_400
/** Requests that come together, as one user's do, and go to one version. */
const TOGETHER = 4
/** Part of the minutes that has traffic where it is not sparse: jobs and slow services. */
const DENSE = 0.8
/** How unlikely the silence of a version that still has its share has to be. */
const UNLIKELY = Math.log(1e-5)
/** From this share of a version on the others show whether they have taken over. */
const SEEN_IN_OTHERS = 0.2
/** A share as small as that is somebody's trial before users are let in: it may well pause. */
const TRIAL = 0.05

interface Run {
  to: number
  readonly from: number
  own: number
  others: number
}

/**
 * Whether a version has left: how unlikely it is that none of what came since was for it, had it still the share of the traffic that it had (beta-binomial, Jeffreys' prior; requests
 * that come together count once). So it is known within minutes where there is much traffic, takes as long as it takes where there is little, and nothing is known while
 * nobody's telemetry comes. A version whose telemetry alone is cut off has not left as long as the others have no more than before, for ten minutes.
 * @param presences of one service, in order of time
 * @param end seconds: the version was seen until then, and then not until `until`
 */
export function hasLeft(
  presences: readonly Presence[],
  version: string,
  end: number,
  until: number,
): boolean {
  const gap = runsOf(presences, version, end, until)
  const served = (gap.at(-1)?.to ?? end) - (gap[0]?.from ?? end)
  if (served < SHORTEST) return false
  const first = presences.find((presence) => presence.version === version)?.from ?? end
  const from = Math.max(first, end - SHARE_SECONDS)
  const lately = runsOf(presences, version, from, end)
  const [own, others, since] = [sum(lately, 'own'), sum(lately, 'others'), sum(gap, 'others')]
  if (isDense(lately, from, end) && isDense(gap, end, until)) {
    const share = own / (own + others)
    const expected = ((own + others) / (end - from)) * (1 - share / 2)
    const isDoubtful = share < TRIAL || (share >= SEEN_IN_OTHERS && since / (until - end) < expected)
    if (isDoubtful && served < AWAY_SECONDS) return false
    return isUnlikely(own / TOGETHER, others / TOGETHER, since / TOGETHER)
  }
  // A run of a job is one event, however many requests it makes: it may have met this version or not.
  const long = runsOf(presences, version, Math.max(first, end - SPARSE_SECONDS), end)
  const units = (runs: readonly Run[], of: 'own' | 'others') =>
    runs.reduce((total, run) => total + run[of] / (run.own + run.others), 0)
  return isUnlikely(units(long, 'own'), units(long, 'others'), units(gap, 'others'))
}

/** Share of the traffic that a version has in a span, 0 to 1; 0 without any. */
export function shareOf(presences: readonly Presence[], version: string, from: number, to: number): number {
  const runs = runsOf(presences, version, from, to)
  const all = sum(runs, 'own') + sum(runs, 'others')
  return all === 0 ? 0 : sum(runs, 'own') / all
}

/** Of a beta-binomial: none of so many, after so many own ones and others. */
function isUnlikely(own: number, others: number, missed: number): boolean {
  const [a, b] = [own + 0.5, others + 0.5]
  return logBeta(a, b + missed) - logBeta(a, b) <= UNLIKELY
}

/** Traffic of a span, what touches put together; counts of what reaches beyond it in proportion. */
function runsOf(presences: readonly Presence[], version: string, from: number, to: number): readonly Run[] {
  const runs: Run[] = []
  for (const presence of presences) {
    const [start, end] = [Math.max(presence.from, from), Math.min(presence.to, to)]
    if (end <= start) continue
    const count = presence.count * ((end - start) / (presence.to - presence.from))
    let run = runs.at(-1)
    if (run === undefined || run.to < start) {
      run = { from: start, to: end, own: 0, others: 0 }
      runs.push(run)
    }
    run.to = Math.max(run.to, end)
    if (presence.version === version) run.own += count
    else run.others += count
  }
  return runs
}

function isDense(runs: readonly Run[], from: number, to: number): boolean {
  return runs.reduce((busy, run) => busy + run.to - run.from, 0) >= DENSE * (to - from)
}

function sum(runs: readonly Run[], of: 'own' | 'others'): number {
  return runs.reduce((total, run) => total + run[of], 0)
}
