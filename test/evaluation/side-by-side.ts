import type { Comparison } from '../../analytics/compare/comparison.ts'
import type { Cell } from '../../schemas/cell.ts'
import { GAMMA } from '../../schemas/histogram.ts'
import type { Signal } from '../../schemas/signals/signal.ts'
import { type Judgement, type Method, present } from './method.ts'
import { KAYENTA_DEFAULTS, kayenta } from './peers/kayenta.ts'
import { repeatedLooking } from './peers/repeated-looking.ts'
import { threshold } from './peers/threshold.ts'
import { welchTest } from './peers/welch.ts'
import type { Line } from './placebo-moments.ts'
import { judgementOf } from './product.ts'

/** What one series of two versions in the same minutes is judged by. */
export interface Beside {
  readonly signal: Signal
  /** The product's own. */
  readonly comparison: Comparison
  /** The old and the new version's value of each minute, NaN for none: what a metrics store would hand to a canary judge. */
  readonly control: Float64Array
  readonly experiment: Float64Array
}

/** Those of the peers that need nothing but the two arms. */
const PEERS: readonly Method[] = [
  kayenta('kayenta', KAYENTA_DEFAULTS),
  kayenta('kayenta-effect-25', { ...KAYENTA_DEFAULTS, allowedIncrease: 1.25, allowedDecrease: 0.8 }),
  threshold,
  welchTest,
  repeatedLooking,
]

interface BesideMethod {
  readonly name: string
  readonly judge: (of: Beside) => Judgement
  /** Those that need values of minutes only. */
  readonly judgeValues?: (control: Float64Array, experiment: Float64Array) => Judgement
}

/** Ours first. */
export const BESIDE_METHODS: readonly BesideMethod[] = [
  { name: 'postflight', judge: ({ signal, comparison }) => judgementOf(signal, comparison, false) },
  { name: 'postflight-verdict', judge: ({ signal, comparison }) => judgementOf(signal, comparison, true) },
  ...PEERS.map((peer) => {
    const judgeValues = (control: Float64Array, experiment: Float64Array): Judgement =>
      besideOf(peer, control, experiment)
    return {
      name: peer.name,
      judge: ({ control, experiment }: Beside) => judgeValues(control, experiment),
      judgeValues,
    }
  }),
]

/** The old version's minutes stand in for those before. An arm without any value cannot be judged. */
function besideOf({ prepare }: Method, control: Float64Array, experiment: Float64Array): Judgement {
  if (present(control).length === 0 || present(experiment).length === 0)
    return { alarm: false, score: 0, p: 1 }
  const window = control.length
  const line: Line = {
    path: '',
    source: 'side by side',
    step: 60,
    start: 0,
    values: Float64Array.from([...control, ...experiment]),
    labelled: new Uint8Array(2 * window),
  }
  return prepare(line, window, window)(experiment)
}

/** Value of each minute: `top` by `bottom` of all cells in it. */
export function minuteValues(
  cells: readonly Cell[],
  minutes: number,
  top: (cell: Cell) => number,
  bottom: (cell: Cell) => number,
): Float64Array {
  const tops = new Float64Array(minutes)
  const bottoms = new Float64Array(minutes)
  for (const cell of cells) {
    const at = Math.floor(cell.time / 60)
    tops[at] = (tops[at] as number) + top(cell)
    bottoms[at] = (bottoms[at] as number) + bottom(cell)
  }
  return tops.map((value, at) => ((bottoms[at] as number) > 0 ? value / (bottoms[at] as number) : Number.NaN))
}

/** Quantile of each minute's histograms together, by nearest rank, at the bucket's upper bound; NaN where there is none. */
export function minuteQuantiles(cells: readonly Cell[], minutes: number, q: number): Float64Array {
  const merged = Array.from({ length: minutes }, () => new Map<number, number>())
  for (const cell of cells) {
    const minute = merged[Math.floor(cell.time / 60)]
    if (minute === undefined) continue
    cell.histogram?.forEach((count, bucket) => {
      minute.set(bucket, (minute.get(bucket) ?? 0) + count)
    })
  }
  return Float64Array.from(merged, (histogram) => {
    const total = [...histogram.values()].reduce((sum, count) => sum + count, 0)
    let left = Math.ceil(q * total)
    for (const [bucket, count] of [...histogram].sort((a, b) => a[0] - b[0])) {
      left -= count
      if (left <= 0) return GAMMA ** bucket
    }
    return Number.NaN
  })
}
