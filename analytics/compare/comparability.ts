import type { Cell } from '../../schemas/cell.ts'
import { chiSquareUpperTail, homogeneity } from '../stats/chi-square.ts'
import { align, countOf } from './align.ts'

/** From here on down a sample ratio is a mismatch: the field's threshold (Fabijan et al. 2019), since it questions everything else. */
export const MISMATCH = 0.001
/** Spans of the compared time whose shares are looked at one by one. */
const SPANS = 6
/** Shares of two spans that differ by this factor put other minutes into the one arm than into the other. */
const MOVED = 1.5
/** Half the sum of differences between two compositions from which on they are not alike in practice. */
const MIXED = 0.1

interface SampleRatio {
  /** Share of the requests that the new version got. */
  readonly share: number
  readonly expected: number
  /** Two-sided, of the expected share. */
  readonly p: number
  /** Variance of the share by that of independent requests, >= 1. */
  readonly dispersion: number
  /** Spans in which the share alone is a mismatch (Bonferroni over spans). Seconds since the epoch. */
  readonly spans: readonly {
    readonly from: number
    readonly to: number
    readonly share: number
    readonly p: number
  }[]
}

/**
 * Sample-ratio mismatch: whether the new version got the share of requests that it was meant to get, as a whole and over time. Pearson's chi-squared (Kohavi, Tang, Xu 2020, chapter 21) for
 * independent requests, divided by what sessions and batches add from one minute to the next (Rao and Scott 1981, first order). A
 * share that wanders more slowly than that is a mismatch.
 * @param expected 0 to 1, both excluded
 * @returns undefined without any request
 */
export function sampleRatio(
  old: readonly Cell[],
  fresh: readonly Cell[],
  expected: number,
  step: number,
): SampleRatio | undefined {
  const lines = align({ cells: fresh, take: countOf }, { cells: [...old, ...fresh], take: countOf }, step)
  if (lines === undefined) return undefined
  const total = sum(lines.denominator)
  const mine = sum(lines.numerator)
  const share = mine / total
  const dispersion = batching(lines.numerator, lines.denominator, share)
  const pOf = (count: number, all: number): number =>
    chiSquareUpperTail((count - all * expected) ** 2 / (dispersion * all * expected * (1 - expected)), 1)
  const spans = spansOf(lines.denominator.length).map(([first, end]) => {
    const all = sum(lines.denominator.subarray(first, end))
    const own = sum(lines.numerator.subarray(first, end))
    return {
      from: lines.start + first * step,
      to: lines.start + end * step,
      share: own / all,
      p: all > 0 ? Math.min(1, SPANS * pOf(own, all)) : 1,
    }
  })
  return { share, expected, p: pOf(mine, total), dispersion, spans: spans.filter(({ p }) => p < MISMATCH) }
}

/** Whether the share moved so much that the arms are made of other minutes. @returns lowest and highest share of a span; undefined: it did not */
export function movingShare(
  old: readonly Cell[],
  fresh: readonly Cell[],
  step: number,
): { readonly lowest: number; readonly highest: number; readonly p: number } | undefined {
  const lines = align({ cells: fresh, take: countOf }, { cells: [...old, ...fresh], take: countOf }, step)
  if (lines === undefined) return undefined
  const rows = spansOf(lines.denominator.length).map(([first, end]): [number, number] => {
    const own = sum(lines.numerator.subarray(first, end))
    return [own, sum(lines.denominator.subarray(first, end)) - own]
  })
  const { statistic, degrees } = homogeneity(rows)
  if (degrees === 0) return undefined
  const p = chiSquareUpperTail(statistic, degrees)
  const shares = rows.filter(([a, b]) => a + b > 0).map(([a, b]) => a / (a + b))
  const lowest = Math.min(...shares)
  const highest = Math.max(...shares)
  // As odds, so that it is the same seen from either version.
  const moved = (highest * (1 - lowest)) / Math.max(1e-9, lowest * (1 - highest))
  return p < MISMATCH && moved >= MOVED ** 2 ? { lowest, highest, p } : undefined
}

/**
 * Whether two versions got different traffic: chi-squared of homogeneity over routes (hosts, tenants), beyond what matters in practice, since with enough requests any difference is significant.
 * @param counts requests of the old and the new version by name
 * @returns the name whose share differs most; undefined: alike, as far as can be told
 */
export function differentMix(
  counts: ReadonlyMap<string, readonly [number, number]>,
):
  | { readonly distance: number; readonly name: string; readonly old: number; readonly fresh: number }
  | undefined {
  const rows = [...counts]
  const { statistic, degrees } = homogeneity(rows.map(([, row]) => row))
  if (degrees === 0 || chiSquareUpperTail(statistic, degrees) >= MISMATCH) return undefined
  const total = [0, 1].map((side) => rows.reduce((sum, [, row]) => sum + (row[side] as number), 0))
  const shares = rows.map(([name, row]) => ({
    name,
    old: row[0] / (total[0] as number),
    fresh: row[1] / (total[1] as number),
  }))
  const distance = shares.reduce((sum, { old, fresh }) => sum + Math.abs(old - fresh), 0) / 2
  const [most] = shares.sort((a, b) => Math.abs(b.old - b.fresh) - Math.abs(a.old - a.fresh))
  return distance < MIXED || most === undefined ? undefined : { distance, ...most }
}

/** Variance of the split by that of independent requests, from differences of neighbouring minutes (von Neumann 1941), so that a share that moves does not hide itself; at least 1. */
function batching(own: Float64Array, all: Float64Array, share: number): number {
  let squares = 0
  let pairs = 0
  for (let i = 1; i < own.length; i++) {
    const [earlier, later] = [all[i - 1] as number, all[i] as number]
    if (earlier === 0 || later === 0) continue
    const difference = (own[i] as number) / later - (own[i - 1] as number) / earlier
    squares += difference ** 2 / (share * (1 - share) * (1 / earlier + 1 / later))
    pairs += 1
  }
  return pairs === 0 || share === 0 || share === 1 ? 1 : Math.max(1, squares / pairs)
}

/** From and end (excluded) of about equal parts. */
function spansOf(length: number): readonly (readonly [number, number])[] {
  const count = Math.min(SPANS, length)
  return Array.from({ length: count }, (_, i) => [
    Math.floor((i * length) / count),
    Math.floor(((i + 1) * length) / count),
  ])
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0)
}
