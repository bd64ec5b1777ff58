import { seededRandom } from '../../analytics/stats/random.ts'
import type { DataSeries } from './series.ts'

/** One column of a series on its own grid. */
export interface Line {
  readonly path: string
  readonly source: string
  /** Seconds. */
  readonly step: number
  /** Time of the first slot, seconds. */
  readonly start: number
  /** Mean of the slot's rows; NaN where there is none. */
  readonly values: Float64Array
  /** 1 where people marked something. */
  readonly labelled: Uint8Array
}

/** A moment at which nothing was released. */
export interface Moment {
  readonly line: Line
  /** First slot after the pretended release. */
  readonly at: number
  /** Slots of the window after. */
  readonly window: number
  /** False where a label overlaps the window before or after. */
  readonly quiet: boolean
}

/** Window lengths, in the order in which they are shown. */
export const WINDOWS = [
  { name: '30 min', seconds: 1800 },
  { name: '1 h', seconds: 3600 },
  { name: '3 h', seconds: 10_800 },
  { name: '6 h', seconds: 21_600 },
] as const

/** A window has at least so many points. */
const FEWEST_POINTS = 12
/** Seconds of the time before a report's release that are asked for. */
const DAY = 86_400
/** Share of the slots of a window that must hold a value. */
const FILLED = 0.5

export function pointsOf(seconds: number, step: number): number {
  return Math.max(FEWEST_POINTS, Math.round(seconds / step))
}

/** Every column of every series that has a fixed step; rows of one slot are averaged, in whatever order they stand. */
export function linesOf(all: readonly DataSeries[]): readonly Line[] {
  return all.flatMap((series) => {
    const { step, times } = series
    if (step === undefined || times.length === 0) return []
    let first = Number.POSITIVE_INFINITY
    let last = Number.NEGATIVE_INFINITY
    for (const time of times) {
      if (time < first) first = time
      if (time > last) last = time
    }
    const start = Math.floor(first / step) * step
    const length = Math.floor((last - start) / step) + 1
    const slot = (time: number): number => Math.floor((time - start) / step)
    const labelled = labelledSlots(series, length, slot)
    return series.columns.map((column, at): Line => {
      const sums = new Float64Array(length)
      const counts = new Float64Array(length)
      column.forEach((value, row) => {
        if (Number.isNaN(value)) return
        const i = slot(times[row] as number)
        sums[i] = (sums[i] as number) + value
        counts[i] = (counts[i] as number) + 1
      })
      return {
        path: series.columns.length === 1 ? series.path : `${series.path}:${at + 1}`,
        source: series.source,
        step,
        start,
        values: sums.map((sum, i) => (counts[i] === 0 ? Number.NaN : sum / (counts[i] as number))),
        labelled,
      }
    })
  })
}

/** `windows` and `points` hold times, `index_windows` and any other list of numbers hold rows. */
function labelledSlots(series: DataSeries, length: number, slot: (time: number) => number): Uint8Array {
  const marked = new Uint8Array(length)
  const mark = (from: number, to: number): void => {
    for (let i = Math.max(0, from); i <= Math.min(length - 1, to); i++) marked[i] = 1
  }
  const labels = series.labels
  if (typeof labels !== 'object' || labels === null) return marked
  const seconds = (text: unknown): number => slot(Date.parse(String(text)) / 1000)
  const row = (at: unknown): number => slot(series.times[Number(at)] ?? Number.NaN)
  for (const [key, value] of Object.entries(labels)) {
    if (!Array.isArray(value)) continue
    for (const entry of value) {
      if (Array.isArray(entry) && entry.length === 2) {
        const at = typeof entry[0] === 'string' ? seconds : row
        mark(at(entry[0]), at(entry[1]))
      } else if (key === 'points') mark(seconds(entry), seconds(entry))
      else if (typeof entry === 'number') mark(row(entry), row(entry))
    }
  }
  return marked
}

/**
 * Random moments with at least a day, and three windows, before them and a whole window after, both windows at least half filled.
 * @param count moments that are aimed at for each line; fewer where it has fewer different ones
 * @param anywhere also in and near what people marked
 */
export function drawMoments(
  line: Line,
  seconds: number,
  count: number,
  seed: number,
  anywhere: boolean,
): readonly Moment[] {
  const window = pointsOf(seconds, line.step)
  const from = Math.max(3 * window, Math.ceil(DAY / line.step))
  const places: number[] = []
  for (let at = from; at + window <= line.values.length; at++) places.push(at)
  const random = seededRandom(seed)
  const moments: Moment[] = []
  while (moments.length < count && places.length > 0) {
    const pick = Math.floor(random() * places.length)
    const at = places[pick] as number
    places[pick] = places.at(-1) as number
    places.pop()
    if (filled(line, at - window, at) < FILLED || filled(line, at, at + window) < FILLED) continue
    const quiet = !line.labelled.subarray(at - window, at + window).includes(1)
    if (quiet || anywhere) moments.push({ line, at, window, quiet })
  }
  return moments
}

function filled(line: Line, from: number, to: number): number {
  let count = 0
  for (let i = from; i < to; i++) if (!Number.isNaN(line.values[i] as number)) count += 1
  return count / (to - from)
}

/**
 * At least so many moments over all lines together, where there are so many: as many from each line as it can give up to an equal share, then more from
 * those that have them. Moments of one line stand in random order.
 */
export function placebos(
  lines: readonly Line[],
  seconds: number,
  aim: number,
  seed: number,
  anywhere: boolean,
): readonly Moment[] {
  let count = Math.ceil(aim / lines.length)
  for (;;) {
    const moments = lines.flatMap((line, i) => drawMoments(line, seconds, count, seed * 1009 + i, anywhere))
    if (moments.length >= aim || count > 64 * aim) return moments
    count = Math.ceil(count * Math.min(2, Math.max(1.1, aim / Math.max(1, moments.length))))
  }
}
