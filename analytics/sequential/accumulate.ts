import { LOG_EFFECTS } from '../stats/effect-prior.ts'
import { addPairedEvidence, type PairedCounts } from '../stats/paired-count-e-process.ts'
import { seasonAt } from './baseline.ts'
import type { Part, Plan } from './plan.ts'
import type { Spans } from './spans.ts'
import type { PartState } from './state.ts'

/** Spans of the dispersion before that weigh as much as what the arms show side by side. */
const BORROWED_SPANS = 30
/** Events in each arm from which on residuals are taken from their own ratio, before from that of no change. */
const OWN_RATIO_FROM = 5
/** A gauge's span counts at most so many standard deviations from its baseline: a spike is not a level. */
const LARGEST_DEVIATION = 8

/** Sums that are being added to. */
export type Draft = {
  -readonly [K in keyof PartState]: PartState[K] extends readonly number[] ? number[] : number
}

export function copyOf(part: PartState): Draft {
  return { ...part, wealth: part.wealth.slice() }
}

/** What one part takes of new cells, span by span. */
export interface Lines {
  /** Start of the first span, seconds. */
  readonly from: number
  readonly after: Spans
  readonly beside: Spans
}

/** Adds one span to the sums of a part, and to its bets. */
export function addSpan(plan: Plan, part: Part, sums: Draft, lines: Lines, i: number): void {
  const time = lines.from + i * plan.step
  const exposure = lines.after.exposure[i] as number
  const events = lines.after.events[i] as number
  const besideExposure = lines.beside.exposure[i] as number
  const besideEvents = lines.beside.events[i] as number
  if (part.quantity.of === 'mean') {
    const value = meanOf(events, exposure, part)
    if (value === undefined) return
    const other =
      plan.design === 'side-by-side'
        ? meanOf(besideEvents, besideExposure, part)
        : part.baseline.level + seasonAt(part.baseline.season, time, 0)
    if (other === undefined) return
    const most = LARGEST_DEVIATION * Math.sqrt(part.baseline.shortRun)
    sums.events += Math.max(-most, Math.min(most, value - other))
    sums.expected += 1
    sums.exposure += 1
    return
  }
  if (!(exposure > 0)) return
  if (plan.design === 'side-by-side') {
    if (!(besideExposure > 0)) return
    addPaired(part, sums, { events, exposure, besideEvents, besideExposure })
  }
  sums.events += events
  sums.exposure += exposure
  sums.expected += part.baseline.level * seasonAt(part.baseline.season, time, 1) * exposure
}

function meanOf(sum: number, count: number, part: Part): number | undefined {
  if (!(count > 0)) return undefined
  if (part.quantity.of === 'mean' && part.quantity.scale === 'linear') return sum / count
  // A gauge that was positive and is not now has fallen as far as the winsorising lets it.
  return sum > 0 ? Math.log(sum / count) : part.baseline.level - 1e3
}

function addPaired(part: Part, sums: Draft, span: PairedCounts): void {
  const dispersion = pairedDispersion(part, sums)
  part.sides.forEach((side, s) => {
    addPairedEvidence(sums.wealth, s * LOG_EFFECTS.length, span, side.edge, dispersion, side.up)
  })
  const all = span.exposure + span.besideExposure
  const total = span.events + span.besideEvents
  const own = Math.min(sums.events, sums.besideEvents) >= OWN_RATIO_FROM
  const ratio = own ? sums.ratioTop / sums.ratioBottom : 1
  const share = (ratio * span.exposure) / (ratio * span.exposure + span.besideExposure)
  if (total > 0) {
    const residual = (span.events - total * share) / Math.sqrt(total * share * (1 - share))
    sums.squares += residual * residual
    sums.products += residual * sums.lastResidual
    sums.spans += 1
    sums.lastResidual = residual
  }
  sums.ratioTop += (span.events * span.besideExposure) / all
  sums.ratioBottom += (span.besideEvents * span.exposure) / all
  sums.ratioVariance += (total * span.exposure * span.besideExposure) / (all * all)
  sums.besideEvents += span.besideEvents
  sums.besideExposure += span.besideExposure
}

/**
 * Dispersion side by side, from spans before this one only, so that a bet never knows its own span: what neighbouring minutes showed before
 * the release, and what the arms have shown since, with dependence between spans as of an AR(1); never less than before.
 */
export function pairedDispersion(part: Part, sums: PartState): number {
  const before = part.baseline.shortRun
  const seen = (BORROWED_SPANS * before + sums.squares) / (BORROWED_SPANS + sums.spans)
  const correlation = Math.max(0, Math.min(0.9, sums.products / (BORROWED_SPANS * before + sums.squares)))
  return Math.max(before, (seen * (1 + correlation)) / (1 - correlation))
}
