import type { Cell } from '../../schemas/cell.ts'
import { LN_GAMMA, ZERO_BUCKET } from '../../schemas/histogram.ts'
import { kitagawa } from '../stats/kitagawa.ts'

/** The cells of one dimension (route, host, tenant) of a series. */
export interface StratumCells {
  readonly dimension: string
  readonly before: readonly Cell[]
  readonly after: readonly Cell[]
}

export interface Standardised {
  /** Cells of the whole before, each dimension weighted as after, so that a comparison with `after` shows no mix. */
  readonly before: Cell[]
  readonly after: Cell[]
  /** Dimensions with traffic after only; nothing can be said of their change, so they are left out of both. */
  readonly newDimensions: readonly string[]
}

/**
 * Takes traffic moving between dimensions out of a before/after comparison of the whole: the time before is weighted to
 * the composition after (direct standardisation, the counterfactual of Oaxaca 1973 and Blinder 1973). Any comparison of
 * ratios, means or distributions can be made of the result.
 */
export function standardise(strata: readonly StratumCells[]): Standardised {
  const counted = strata.map((stratum) => ({
    stratum,
    before: total(stratum.before),
    after: total(stratum.after),
  }))
  const known = counted.filter((entry) => entry.before > 0)
  const before = known.reduce((sum, entry) => sum + entry.before, 0)
  const after = known.reduce((sum, entry) => sum + entry.after, 0)
  const earlier: Cell[] = []
  const later: Cell[] = []
  for (const entry of known) {
    if (entry.after === 0) continue
    const weight = entry.after / after / (entry.before / before)
    for (const cell of entry.stratum.before) earlier.push(weighted(cell, weight))
    for (const cell of entry.stratum.after) later.push(cell)
  }
  return {
    before: earlier,
    after: later,
    newDimensions: counted.filter((e) => e.before === 0 && e.after > 0).map((e) => e.stratum.dimension),
  }
}

/**
 * How an overall change splits between dimensions getting worse and traffic moving between them.
 * @param level `bad`: share of bad events; `mean`: mean of values; `log mean`: mean of their logarithms
 */
export function mixSplit(
  strata: readonly StratumCells[],
  level: 'bad' | 'mean' | 'log mean',
): { total: number; rate: number; mix: number } {
  return kitagawa(
    strata.map((stratum) => ({
      weightBefore: total(stratum.before),
      weightAfter: total(stratum.after),
      levelBefore: levelOf(stratum.before, level),
      levelAfter: levelOf(stratum.after, level),
    })),
  )
}

export interface ExposureStratum {
  readonly before: readonly Cell[]
  readonly after: readonly Cell[]
}

/** Standard deviation of the dimensions' rates around the common one, in units of it, before anything is seen. */
const PRIOR_SPREAD = 0.7
const SWEEPS = 200

/**
 * Exposure that allows for mix where the events are not broken down by the exposure's dimension (statements per request, when
 * traffic moves to a route that runs more of them): rates of events per request of each dimension are fitted to the minutes
 * of the time before (weighted non-negative least squares, drawn towards the common rate where few events cannot tell the dimensions
 * apart), and each minute's requests count as
 * many as their dimension is expected to cause. Total exposure before stays what it was.
 * @returns exposure for `compareRate`
 */
export function standardiseExposure(
  events: readonly Cell[],
  strata: readonly ExposureStratum[],
): { before: Cell[]; after: Cell[] } {
  const rows = new Map<number, { events: number; requests: Float64Array }>()
  const size = strata.length
  const totals = new Float64Array(size)
  strata.forEach((stratum, d) => {
    for (const cell of stratum.before) {
      let row = rows.get(cell.time)
      if (row === undefined) {
        row = { events: 0, requests: new Float64Array(size) }
        rows.set(cell.time, row)
      }
      row.requests[d] = (row.requests[d] as number) + cell.count
      totals[d] = (totals[d] as number) + cell.count
    }
  })
  let seen = 0
  for (const cell of events) {
    const row = rows.get(cell.time)
    if (row === undefined) continue
    row.events += cell.count
    seen += cell.count
  }
  const all = totals.reduce((a, b) => a + b, 0)
  const common = all > 0 ? seen / all : 0
  const rates = seen > 0 ? fitRates([...rows.values()], size, common) : new Float64Array(size)
  let fitted = 0
  for (let d = 0; d < size; d++) fitted += (rates[d] as number) * (totals[d] as number)
  const scale = fitted > 0 ? all / fitted : 1
  const weigh = (side: 'before' | 'after'): Cell[] =>
    strata.flatMap((stratum, d) =>
      stratum[side].map((cell) => weighted(cell, common > 0 ? (rates[d] as number) * scale : 1)),
    )
  return { before: weigh('before'), after: weigh('after') }
}

/**
 * Non-negative rates of each dimension, by coordinate descent on the normal equations; weights are those of a Poisson count
 * under the common rate.
 */
function fitRates(
  rows: readonly { readonly events: number; readonly requests: Float64Array }[],
  size: number,
  common: number,
): Float64Array {
  const square = new Float64Array(size * size)
  const target = new Float64Array(size)
  for (const { events, requests } of rows) {
    let sum = 0
    for (let d = 0; d < size; d++) sum += requests[d] as number
    if (sum <= 0) continue
    const weight = 1 / (common * sum)
    for (let d = 0; d < size; d++) {
      const own = (requests[d] as number) * weight
      if (own === 0) continue
      target[d] = (target[d] as number) + own * events
      for (let e = 0; e < size; e++) {
        square[d * size + e] = (square[d * size + e] as number) + own * (requests[e] as number)
      }
    }
  }
  const prior = 1 / (PRIOR_SPREAD * common) ** 2
  const rates = new Float64Array(size).fill(common)
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    for (let d = 0; d < size; d++) {
      let rest = (target[d] as number) + prior * common
      for (let e = 0; e < size; e++)
        if (e !== d) rest -= (square[d * size + e] as number) * (rates[e] as number)
      rates[d] = Math.max(0, rest / ((square[d * size + d] as number) + prior))
    }
  }
  return rates
}

function total(cells: readonly Cell[]): number {
  let sum = 0
  for (const cell of cells) sum += cell.count
  return sum
}

function levelOf(cells: readonly Cell[], level: 'bad' | 'mean' | 'log mean'): number {
  const count = total(cells)
  let sum = 0
  let logged = 0
  for (const cell of cells) {
    if (level === 'bad') sum += cell.bad
    else if (level === 'mean') sum += cell.sum
    else {
      cell.histogram?.forEach((n, bucket) => {
        if (bucket === ZERO_BUCKET) return
        sum += n * (bucket - 0.5) * LN_GAMMA
        logged += n
      })
    }
  }
  const weight = level === 'log mean' ? logged : count
  return weight > 0 ? sum / weight : 0
}

function weighted(cell: Cell, weight: number): Cell {
  const { histogram } = cell
  const base = {
    ...cell,
    count: cell.count * weight,
    bad: cell.bad * weight,
    sum: cell.sum * weight,
    sumSquares: cell.sumSquares * weight,
  }
  if (histogram === undefined) return base
  const scaled = new Map<number, number>()
  histogram.forEach((count, bucket) => {
    scaled.set(bucket, count * weight)
  })
  return { ...base, histogram: scaled }
}
