import { PAST_DAYS, pastOf, slotLength } from '../../analytics/baselines/past.ts'
import type { Comparison } from '../../analytics/compare/comparison.ts'
import { compareSignals } from '../../analytics/jobs/compare-signals.ts'
import { ALPHA } from '../../analytics/jobs/report.ts'
import { decide } from '../../analytics/verdict.ts'
import type { Cell } from '../../schemas/cell.ts'
import { customSignal, customSignalSchema } from '../../schemas/signals/custom.ts'
import type { Signal } from '../../schemas/signals/signal.ts'
import type { Judgement, Method } from './method.ts'

const SIGNAL = customSignal(
  customSignalSchema.parse({
    id: 'series',
    title: 'Series',
    metric: 'series',
    type: 'gauge',
    // Nobody said which way is worse.
    badDirection: 'both',
  }),
)
const MEASURE = SIGNAL.measures[0]
/** `analysis.beforeMinutes` as it comes, in seconds. */
const BEFORE = 86_400

/**
 * Postflight before/after as it comes: the series is a user's gauge, bad in both directions; cells go through the report's own comparison, with the past that the jobs
 * would load.
 * @param verdict true: the alarm is the word `regressed` in a report of this one series, which also asks for the smallest effect that
 *   matters; false: p <= 1 %
 */
export function postflight(verdict: boolean): Method {
  return {
    name: verdict ? 'postflight-verdict' : 'postflight',
    prepare: (line, at, window) => {
      const { step } = line
      const to = line.start + at * step
      const first = Math.max(0, at - Math.floor((PAST_DAYS * 86_400) / step))
      const earlier = cellsOf(line.values.subarray(first, at), line.start + first * step, step)
      const past = pastOf(SIGNAL, earlier, [], step, slotLength(window * step, step), to, [])
      return (after) => {
        const set = new Map([
          [
            MEASURE,
            new Map([
              [
                '',
                new Map([
                  ['before', earlier],
                  ['after', cellsOf(after, to, step)],
                ]),
              ],
            ]),
          ],
        ])
        const [compared] = compareSignals(
          [SIGNAL],
          { set, versions: ['before'], from: to - BEFORE, to },
          { set, versions: ['after'], from: to, to: to + window * step },
          {
            alpha: ALPHA,
            design: 'before-after',
            stepSeconds: step,
            ...(past === undefined ? {} : { past: () => past }),
          },
        )
        if (compared === undefined) return { alarm: false, score: 0, p: 1 }
        return judgementOf(SIGNAL, compared.comparison, verdict)
      }
    },
  }
}

/** What is made of one series' comparison: see {@link postflight}. */
export function judgementOf(signal: Signal, comparison: Comparison, verdict: boolean): Judgement {
  if (comparison.kind === 'undecidable') return { alarm: false, score: 0, ...(verdict ? {} : { p: 1 }) }
  const score = -Math.log10(Math.max(comparison.pValue, 1e-300))
  if (!verdict) return { alarm: comparison.pValue <= ALPHA, score, p: comparison.pValue }
  const [judged] = decide([
    {
      signal: signal.id,
      dimension: '',
      title: signal.title,
      unit: signal.unit,
      criticality: signal.criticality,
      bad: 'both',
      comparison: {
        ...comparison,
        pWorse: comparison.pValue,
        beyond: comparison.beyond === 'no' ? 'no' : 'worse',
      },
    },
  ]).series
  return { alarm: judged?.word === 'regressed', score }
}

function cellsOf(values: Float64Array, start: number, step: number): Cell[] {
  const cells: Cell[] = []
  values.forEach((value, i) => {
    if (Number.isNaN(value)) return
    cells.push({
      time: start + i * step,
      count: 1,
      bad: 0,
      sum: value,
      sumSquares: value * value,
      min: value,
      max: value,
    })
  })
  return cells
}
