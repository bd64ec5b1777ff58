import type { Signal } from '../../schemas/signals/signal.ts'
import type { Relation } from './watch-evidence.ts'

/** What was seen of a series since it got worse. */
export interface Worse {
  /** Events (failures, slow values, exceptions ...) and what they are out of. */
  readonly events: number
  readonly exposure: number
  /** Events by exposure before. */
  readonly before: number
  /** Level before and after as people read it: seconds of a quantile, a share, a gauge. */
  readonly from: number
  readonly to: number
}

/** What a service's users had meanwhile. */
export interface Served {
  /** Their requests; 0: none are known. */
  readonly requests: number
  /** Median seconds of one before the release; null: not known. */
  readonly seconds: number | null
}

/** What users see: requests, sessions and users themselves. All else is below them, or beside. */
const SEEN = new Set(['server.request', 'session', 'user'])
/** Parts of a failed request: what fails or waits below one may be handled; one that takes ten times as long; what adds no time by itself, as messages, more calls and more rows. */
const BELOW = 0.5
const TENFOLD = 0.5
const UNFELT = 0.02

/**
 * Harm in failed requests: how many users' requests are touched beyond what was there before, by how bad it is for each. A slow call or query counts by what it adds to a request's own time, and touches no
 * more requests than there were; so what users see comes before its cause unless that hurts more. A judgement, which orders reasons and decides nothing else.
 */
export function harmOf(signal: Signal, worse: Worse, served: Served): number {
  const isSeen = signal.measures.some((measure) => SEEN.has(measure))
  const isFall = signal.badDirection === 'down'
  const excess = Math.max(0, (isFall ? -1 : 1) * (worse.events - worse.before * worse.exposure))
  const touched = isSeen || served.requests === 0 ? excess : Math.min(excess, served.requests)
  switch (signal.kind) {
    case 'ratio':
      return touched * (isSeen ? 1 : BELOW)
    case 'rate':
      return touched * (isSeen ? 1 : signal.group === 'exceptions' ? BELOW : UNFELT)
    case 'distribution':
      if (signal.unit !== 's') return touched * UNFELT
      if (isSeen) return touched * slowed(worse.to / worse.from)
      return served.seconds === null
        ? touched * BELOW * slowed(worse.to / worse.from)
        : touched * BELOW * slowed(1 + (worse.to - worse.from) / served.seconds)
    case 'gauge':
      // A level of a process is nobody's request: it comes last, by factors.
      return worse.from > 0 && worse.to > 0 ? UNFELT * Math.abs(Math.log(worse.to / worse.from)) : UNFELT
  }
}

/** The order of what is worse: the deployment's own before what calls it or is called, then what harms most; a stable sort leaves ties as they were. */
export function byHarm(
  a: { readonly relation: Relation; readonly harm: number },
  b: { readonly relation: Relation; readonly harm: number },
): number {
  return Number(a.relation !== 'own') - Number(b.relation !== 'own') || b.harm - a.harm
}

/** How bad it is that something takes so many times as long. */
function slowed(factor: number): number {
  return factor > 1 ? TENFOLD * Math.min(1, Math.log10(factor)) : 0
}
