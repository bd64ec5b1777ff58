import { LOG_EFFECTS } from '../stats/effect-prior.ts'
import { addPairedEvidence, type PairedCounts } from '../stats/paired-count-e-process.ts'
import { seasonAt } from './baseline.ts'
import type { Part, Plan } from './plan.ts'
import type { Spans } from './spans.ts'
import { BLOCKS, type PartState } from './state.ts'

/** Blocks of each length as much as which the dispersion before weighs against what the arms show side by side. */
const BORROWED_BLOCKS = [30, 8, 4, 3] as const
/** Part of a standard error by which block means may exceed by chance. */
const CHANCE = 0.5
/** Events in each arm from which on residuals are taken from their own ratio, before from that of no change. */
const OWN_RATIO_FROM = 5
/** A gauge's span counts at most so many standard deviations from its baseline: a spike is not a level. */
const LARGEST_DEVIATION = 8

/** Sums that are being added to. */
export type Draft = {
  -readonly [K in keyof PartState]: PartState[K] extends readonly number[] ? number[] : number
}

export function copyOf(part: PartState): Draft {
  return {
    ...part,
    blockSums: part.blockSums.slice(),
    blockSquares: part.blockSquares.slice(),
    wealth: part.wealth.slice(),
  }
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
    sums.spans += 1
    for (let b = 0; b < BLOCKS.length; b++) {
      const length = BLOCKS[b] as number
      const sum = (sums.blockSums[b] as number) + residual
      const closed = sums.spans % length === 0
      if (closed) sums.blockSquares[b] = (sums.blockSquares[b] as number) + (sum * sum) / length
      sums.blockSums[b] = closed ? 0 : sum
    }
  }
  sums.ratioTop += (span.events * span.besideExposure) / all
  sums.ratioBottom += (span.besideEvents * span.exposure) / all
  sums.ratioVariance += (total * span.exposure * span.besideExposure) / (all * all)
  sums.besideEvents += span.besideEvents
  sums.besideExposure += span.besideExposure
}

/**
 * Dispersion side by side, from spans before this one only, so that a bet never knows its own span. What the arms have shown since the
 * release, by batch means of several lengths, since what a version has to itself may last longer than a minute; the largest
 * counts. They start from what the time before showed: of neighbouring minutes its own, of longer spans halfway (on the log
 * scale) to that of long spans, because there nobody can tell yet how much of it both versions share. Never less than that of
 * neighbouring minutes.
 */
export function pairedDispersion({ baseline }: Part, sums: PartState): number {
  const { shortRun, dispersion } = baseline
  const halfway = Math.max(shortRun, dispersion)
  let largest = shortRun
  for (let b = 0; b < BLOCKS.length; b++) {
    const length = BLOCKS[b] as number
    const blocks = Math.floor(sums.spans / length)
    const borrowed = BORROWED_BLOCKS[b] as number
    const start = length === 1 ? shortRun : halfway
    const seen = (borrowed * start + (sums.blockSquares[b] as number)) / (borrowed + blocks)
    // One standard error of so many blocks is left to chance, else the largest of four would always be too large.
    const sure = blocks === 0 ? seen : seen / (1 + Math.sqrt(2 / (borrowed + blocks)) * CHANCE)
    if (sure > largest) largest = sure
  }
  return largest
}
