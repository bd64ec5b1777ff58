/** Part B on simulated services: changes in one of ten routes, in the tail alone, in one instance of four, side by side. */
import type { Measured } from '../../../analytics/compare/comparison.ts'
import { compareSignals } from '../../../analytics/jobs/compare-signals.ts'
import { ALPHA } from '../../../analytics/jobs/report.ts'
import { mergeCells } from '../../../analytics/queries/merge-cells.ts'
import type { Cell } from '../../../schemas/cell.ts'
import { FRESH, madeArms, OLD, type PLACES, SIGNALS } from '../made-arms.ts'
import { BESIDE_METHODS, minuteQuantiles, minuteValues } from '../side-by-side.ts'

export const MADE_SIZES = [0.1, 0.25, 0.5, 1, 2] as const
/** Minutes of both windows. */
const MINUTES = 60

/** Scores of one world, quiet and with each size, by method. */
export interface MadeScores {
  readonly place: (typeof PLACES)[number]
  readonly quiet: Readonly<Record<string, number>>
  readonly injected: readonly Readonly<Record<string, number>>[]
}

/**
 * Every method sees the service as a whole and each route, and speaks by the series that says most: ours its cells, the others the mean and the p99 of each minute, of
 * which they take whichever says more.
 */
export function madeScores(place: MadeScores['place'], world: number, seed: number): MadeScores {
  const at = (size: number) => scoresOf(seed * 700_001 + world, { place, factor: 1 + size })
  return { place, quiet: at(0), injected: MADE_SIZES.map(at) }
}

function scoresOf(
  seed: number,
  injection: { readonly place: MadeScores['place']; readonly factor: number },
): Record<string, number> {
  const set = madeArms(seed, MINUTES, injection)
  const arm = (version: string) => ({ set, versions: [version], from: 0, to: MINUTES * 60 })
  const signal = SIGNALS.latency
  const ours = compareSignals([signal], arm(OLD), arm(FRESH), {
    alpha: ALPHA,
    design: 'side-by-side',
    stepSeconds: 60,
  }).flatMap(({ comparison }) => (comparison.kind === 'measured' ? [comparison] : []))
  const scores: Record<string, number> = { postflight: Math.max(0, ...ours.map(evidence)) }
  const routes = [...(set.get('server.request')?.values() ?? [])]
  const whole = (version: string) => mergeCells(routes.map((versions) => versions.get(version) ?? []))
  const pairs = [
    { control: whole(OLD), experiment: whole(FRESH) },
    ...routes.map((versions) => ({
      control: versions.get(OLD) ?? [],
      experiment: versions.get(FRESH) ?? [],
    })),
  ]
  const lines = pairs.flatMap(({ control, experiment }) =>
    [means, tails].map((of) => ({ control: of(control), experiment: of(experiment) })),
  )
  for (const { name, judgeValues } of BESIDE_METHODS) {
    if (judgeValues === undefined) continue
    scores[name] = Math.max(
      0,
      ...lines.map(({ control, experiment }) => judgeValues(control, experiment).score),
    )
  }
  return scores
}

/** Two-sided, as the peers' are. */
function evidence({ pValue }: Measured): number {
  return -Math.log10(Math.max(pValue, 1e-300))
}

const means = (cells: readonly Cell[]): Float64Array =>
  minuteValues(
    cells,
    MINUTES,
    (cell) => cell.sum,
    (cell) => cell.count,
  )
const tails = (cells: readonly Cell[]): Float64Array => minuteQuantiles(cells, MINUTES, 0.99)
