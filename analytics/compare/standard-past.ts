import type { Cell } from '../../schemas/cell.ts'
import type { Aligned } from './align.ts'
import type { Past } from './comparison.ts'
import { minuteHistograms, sumsOfLogs } from './minute-histograms.ts'

/** Share of the traffic whose past must be known. */
const KNOWN = 0.95

interface Weighted {
  readonly line: Aligned
  readonly weight: number
}

/**
 * Past and window after of a whole as they would have been with the composition that the window after has in all, in each slot (direct standardisation as in mix.ts, but
 * slot by slot: a forecast knows the hour, and would take its usual mix off twice). A dimension that a slot has nothing of counts with what it last had.
 * @param strata dimensions with traffic before: their pasts, of logarithms and up to the same moment, and cells of the window after
 * @param stepSeconds that a cell spans
 * @returns undefined where too little of the traffic has a past
 */
export function standardPast(
  strata: readonly { readonly past: Past | undefined; readonly after: readonly Cell[] }[],
  stepSeconds: number,
): Past | undefined {
  const past = strata.find((stratum) => stratum.past !== undefined)?.past
  if (past === undefined) return undefined
  const { slotSeconds } = past
  let first = Number.POSITIVE_INFINITY
  let last = Number.NEGATIVE_INFINITY
  for (const { time } of strata.flatMap(({ after }) => after)) {
    first = Math.min(first, time)
    last = Math.max(last, time + stepSeconds)
  }
  // Whole slots only.
  const from = Math.ceil(first / slotSeconds) * slotSeconds
  const to = Math.floor(last / slotSeconds) * slotSeconds
  const before: Weighted[] = []
  const after: Weighted[] = []
  let all = 0
  let known = 0
  for (const stratum of strata) {
    const inside = stratum.after.filter(({ time }) => time >= from && time < to)
    const histograms = minuteHistograms(inside, slotSeconds)
    if (histograms === undefined) continue
    const weight = histograms.merged.total
    all += weight
    if (stratum.past === undefined) continue
    known += weight
    before.push({ line: inSlots(stratum.past), weight })
    const { start, totals } = histograms
    const line = { numerator: sumsOfLogs(histograms), denominator: totals, start, step: slotSeconds }
    after.push({ line, weight })
  }
  if (known === 0 || known < KNOWN * all) return undefined
  return { ...past, line: together(before), after: together(after) }
}

/** Sums of the slots that end with the past: a mean of what single minutes had would count those that had little, and those that had nothing, as much as the others. */
function inSlots({ line, to, slotSeconds }: Past): Aligned {
  if (line.step === slotSeconds) return line
  const slots = Math.ceil((to - line.start) / slotSeconds)
  const start = to - slots * slotSeconds
  const numerator = new Float64Array(slots)
  const denominator = new Float64Array(slots)
  for (let i = 0; i < line.numerator.length; i++) {
    const slot = Math.floor((line.start + i * line.step - start) / slotSeconds)
    if (slot >= slots) break
    numerator[slot] = (numerator[slot] as number) + (line.numerator[i] as number)
    denominator[slot] = (denominator[slot] as number) + (line.denominator[i] as number)
  }
  return { numerator, denominator, start, step: slotSeconds }
}

/** Weighted mean of the lines' ratios; nothing where none of them has anything. */
function together(all: readonly Weighted[]): Aligned {
  const step = (all[0] as Weighted).line.step
  const start = Math.min(...all.map(({ line }) => line.start))
  const length = Math.max(...all.map(({ line }) => (line.start - start) / step + line.numerator.length))
  const numerator = new Float64Array(length)
  const denominator = new Float64Array(length)
  const seen = all.map(({ line, weight }) => ({ line, weight, ratios: filled(line) }))
  const total = seen.reduce((sum, { ratios, weight }) => sum + (ratios === undefined ? 0 : weight), 0)
  for (const { line, weight, ratios } of seen) {
    if (ratios === undefined) continue
    const offset = (line.start - start) / step
    for (let i = 0; i < length; i++) {
      const at = Math.max(0, Math.min(ratios.length - 1, i - offset))
      numerator[i] = (numerator[i] as number) + (weight / total) * (ratios[at] as number)
      if (at === i - offset && (line.denominator[at] as number) > 0) denominator[i] = 1
    }
  }
  return { numerator, denominator, start, step }
}

/** Ratio a slot; where there is none that of the last slot before, at the beginning of the first. @returns undefined without any */
function filled({ numerator, denominator }: Aligned): Float64Array | undefined {
  const ratios = numerator.map((sum, i) => sum / (denominator[i] as number))
  const first = ratios.find(Number.isFinite)
  if (first === undefined) return undefined
  let last = first
  for (let i = 0; i < ratios.length; i++) {
    if (Number.isFinite(ratios[i])) last = ratios[i] as number
    ratios[i] = last
  }
  return ratios
}
