/** Part B on simulated services: changes in one of ten routes, in the tail alone, in one instance of four, side by side. */
import type { Measured } from '../../../analytics/compare/comparison.ts'
import { compareSignals } from '../../../analytics/jobs/compare-signals.ts'
import { ALPHA } from '../../../analytics/jobs/report.ts'
import { mergeCells } from '../../../analytics/queries/merge-cells.ts'
import type { Cell } from '../../../schemas/cell.ts'
import { clusteredZ } from '../clustered.ts'
import { shareOf, significant, thresholdOf } from '../equal-alarms.ts'
import { FRESH, madeArms, OLD, PLACES, SIGNALS } from '../made-arms.ts'
import type { PartOptions } from '../part.ts'
import { powerPicture } from '../power-picture.ts'
import { BESIDE_METHODS, minuteQuantiles, minuteValues } from '../side-by-side.ts'

const MADE_SIZES = [0.1, 0.25, 0.5, 1, 2] as const
/** Minutes of both windows. */
const MINUTES = 60

/** Simulated services for each place. */
const WORLDS = 150
const QUICK_WORLDS = 8
/** Window of these services in `power`. */
const WINDOW = 'side by side, simulated, 1 h'

interface MadeCells {
  readonly compared: number
  readonly significantlyAbove: number
  readonly significantlyBelow: number
  readonly below: readonly { place: string; size: number; peer: string; difference: number }[]
}

/** Scores of one world, quiet and with each size, by method. */
interface MadeScores {
  readonly place: (typeof PLACES)[number]
  readonly quiet: Readonly<Record<string, number>>
  readonly injected: readonly Readonly<Record<string, number>>[]
}

/** Thresholds by the quiet worlds of all places together, as for real series: set on one half of the worlds, used on the other. */
export function runMade({ quick, seed, progress }: PartOptions): {
  /** By method, window and change. */
  readonly power: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, number>>>>>>
  readonly cells: MadeCells
  readonly section: string
  readonly picture: string
} {
  const worlds = quick ? QUICK_WORLDS : WORLDS
  const all: MadeScores[] = []
  for (const place of PLACES) {
    for (let world = 0; world < worlds; world++) {
      all.push(madeScores(place, world, seed))
      progress(all.length / (worlds * PLACES.length))
    }
  }
  const methods = Object.keys(all[0]?.quiet ?? {})
  const found = new Map<string, readonly Uint8Array[]>()
  for (const method of methods) {
    const thresholds = [0, 1].map((half) =>
      thresholdOf(
        Float64Array.from(
          all.filter((_, i) => i % 2 !== half),
          ({ quiet }) => quiet[method] as number,
        ),
      ),
    )
    found.set(
      method,
      MADE_SIZES.map((_, k) =>
        Uint8Array.from(all, ({ injected }, i) =>
          Number(((injected[k] as MadeScores['quiet'])[method] as number) > (thresholds[i % 2] as number)),
        ),
      ),
    )
  }
  const of = (method: string, k: number, place: string): Uint8Array =>
    ((found.get(method) as readonly Uint8Array[])[k] as Uint8Array).filter((_, i) => all[i]?.place === place)
  const tests = methods.slice(1).flatMap((peer) =>
    PLACES.flatMap((place) =>
      MADE_SIZES.map((size, k) => {
        const theirs = of(peer, k, place)
        const differences = [...of(methods[0] as string, k, place)].map(
          (one, i) => one - (theirs[i] as number),
        )
        return {
          place,
          size,
          peer,
          difference: differences.reduce((sum, one) => sum + one, 0) / differences.length,
          z: clusteredZ(differences),
        }
      }),
    ),
  )
  const { above, below } = significant(tests)
  const rates = methods.flatMap((method) =>
    PLACES.map((place) => ({
      method,
      place,
      values: MADE_SIZES.map((_, k) => shareOf(of(method, k, place))),
    })),
  )
  const cells = {
    compared: tests.length,
    significantlyAbove: above.length,
    significantlyBelow: below.length,
    below: below.map(({ place, size, peer, difference }) => ({ place, size, peer, difference })),
  }
  const named = (method: string) =>
    rates
      .filter((rate) => rate.method === method)
      .flatMap(({ place, values }) =>
        values.map((value, k) => [`${place} +${100 * (MADE_SIZES[k] as number)} %`, value] as const),
      )
  return {
    power: Object.fromEntries(
      methods.map((method) => [method, { [WINDOW]: Object.fromEntries(named(method)) }]),
    ),
    cells,
    section: sectionOf(rates, worlds, cells),
    picture: powerPicture(
      rates.map(({ method, place, values }) => ({ name: method, panel: place, values })),
      MADE_SIZES,
      'Power by factor on the latency of one route of ten, of the tail and of one instance of four, for each method',
    ),
  }
}

function sectionOf(
  rates: readonly { readonly method: string; readonly place: string; readonly values: readonly number[] }[],
  worlds: number,
  cells: MadeCells,
): string {
  const rows = rates.map(
    ({ method, place, values }) =>
      `| ${[method, place, ...values.map((rate) => (100 * rate).toFixed(1))].join(' | ')} |`,
  )
  const losses = cells.below.map(
    ({ place, size, peer, difference }) =>
      `${place} +${100 * size} %, ${peer} (${(100 * difference).toFixed(1)} points)`,
  )
  return `Simulated services of part A (side by side, an hour, ${worlds} of its own for each place), whose new version has longer latencies in one route of ten, in one request of fifty whatever its route, or in one instance of four. Every method looks at the service as a whole and at each
route and speaks by the series that says most; ours sees its cells, the others the mean and the p99 of each minute. Thresholds at equal false alarms as above, over the quiet services of all places. Ours is above in ${cells.significantlyAbove} of ${cells.compared} cells (paired, Holm),
below in ${cells.significantlyBelow}${losses.length === 0 ? '' : `: ${losses.join('; ')}`}.

![Power by size of a change in a part of the service](power-made.svg)

| method | place | ${MADE_SIZES.map((size) => `+${100 * size} %`).join(' | ')} |
| --- | --- | ${MADE_SIZES.map(() => '---:').join(' | ')} |
${rows.join('\n')}`
}

/**
 * Every method sees the service as a whole and each route, and speaks by the series that says most: ours its cells, the others the mean and the p99 of each minute, of
 * which they take whichever says more.
 */
function madeScores(place: MadeScores['place'], world: number, seed: number): MadeScores {
  // Worlds of their own for each place: thresholds are set on all of them together.
  const own = seed * 700_001 + PLACES.indexOf(place) * 10_007 + world
  const at = (size: number) => scoresOf(own, { place, factor: 1 + size })
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
