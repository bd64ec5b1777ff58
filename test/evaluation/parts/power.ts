import { holm } from '../../../analytics/stats/holm.ts'
import { normalUpperTail } from '../../../analytics/stats/normal.ts'
import { clusteredZ } from '../clustered.ts'
import { PLACES } from '../made-arms.ts'
import { present } from '../method.ts'
import { METHODS, OURS } from '../methods.ts'
import type { PartOptions, PartResult } from '../part.ts'
import { linesOf, type Moment, placebos, WINDOWS } from '../placebo-moments.ts'
import { type Curve, powerPicture } from '../power-picture.ts'
import { readSeries } from '../series.ts'
import { MADE_SIZES, type MadeScores, madeScores } from './power-made.ts'

const SIZES = [0.05, 0.1, 0.2, 0.5, 1] as const
const SHAPES = ['multiplicative', 'additive', 'ramp'] as const
const FALSE_ALARMS = 0.01
const MOMENTS = 2000
const QUICK = 150
/** Those with a score of their own. */
const COMPARED = METHODS.filter(({ name }) => name !== 'postflight-verdict')

interface Injection {
  readonly name: string
  readonly shape: (typeof SHAPES)[number]
  readonly size: number
}

const INJECTIONS: readonly Injection[] = SHAPES.flatMap((shape) =>
  SIZES.map((size) => ({ name: `${shape} +${Math.round(100 * size)} %`, shape, size })),
)

export async function run(options: PartOptions): Promise<PartResult> {
  const lines = linesOf(await readSeries(options.data as string))
  if (lines.length === 0) throw new Error(`${options.data}: no series has a fixed step`)
  const power: Record<string, Record<string, Record<string, number>>> = {}
  const comparisons: { window: string; injection: string; peer: string; difference: number; z: number }[] = []
  let done = 0
  for (const { name: window, seconds } of WINDOWS) {
    // Another seed than that of false alarms: moments of its own.
    const moments = placebos(lines, seconds, options.quick ? QUICK : MOMENTS, options.seed + 100, false)
    const found = new Map<string, readonly Uint8Array[]>()
    for (const method of COMPARED) {
      const quiet = new Float64Array(moments.length)
      const injected = INJECTIONS.map(() => new Float64Array(moments.length))
      moments.forEach((moment, i) => {
        const { line, at } = moment
        const judge = method.prepare(line, at, moment.window)
        const after = line.values.slice(at, at + moment.window)
        quiet[i] = judge(after).score
        const level = levelBefore(moment)
        INJECTIONS.forEach((injection, k) => {
          ;(injected[k] as Float64Array)[i] = judge(inject(after, injection, level)).score
        })
        if (i % 50 === 0) {
          options.progress((done + i / moments.length) / (COMPARED.length * WINDOWS.length))
        }
      })
      done += 1
      const thresholds = [0, 1].map((half) => thresholdOf(quiet.filter((_, i) => i % 2 !== half)))
      const detected = injected.map((scores) =>
        Uint8Array.from(scores, (score, i) => Number(score > (thresholds[i % 2] as number))),
      )
      found.set(method.name, detected)
      const own = power[method.name] ?? {}
      power[method.name] = own
      own[window] = Object.fromEntries(
        INJECTIONS.map(({ name }, k) => [name, shareOf(detected[k] as Uint8Array)]),
      )
    }
    for (const { name: peer } of COMPARED.slice(1)) {
      INJECTIONS.forEach((injection, k) => {
        const ours = found.get(OURS.name)?.[k] as Uint8Array
        const theirs = found.get(peer)?.[k] as Uint8Array
        const sums = new Map<string, number>()
        moments.forEach(({ line }, i) => {
          sums.set(line.path, (sums.get(line.path) ?? 0) + (ours[i] as number) - (theirs[i] as number))
        })
        comparisons.push({
          window,
          injection: injection.name,
          peer,
          difference: shareOf(ours) - shareOf(theirs),
          z: clusteredZ([...sums.values()]),
        })
      })
    }
  }
  const { above, below } = significant(comparisons)
  const averages = Object.fromEntries(
    Object.entries(power).map(([method, windows]) => {
      const all = Object.values(windows).flatMap((rates) => Object.values(rates))
      return [method, all.reduce((sum, rate) => sum + rate, 0) / all.length]
    }),
  )
  const cells = {
    compared: comparisons.length,
    significantlyAbove: above.length,
    significantlyBelow: below.length,
    below: below.map(({ window, injection, peer, difference }) => ({ window, injection, peer, difference })),
  }
  const section = sectionOf(power, averages, cells)
  const picture = powerPicture(
    curvesOf(power),
    SIZES,
    'Power by size of a multiplicative change, for each method and window',
  )
  const made = madePower(options)
  for (const [method, places] of Object.entries(made.power)) {
    power[method] = {
      ...power[method],
      [MADE]: Object.fromEntries(
        Object.entries(places).flatMap(([place, rates]) =>
          rates.map((rate, i) => [`${place} +${100 * (MADE_SIZES[i] as number)} %`, rate]),
        ),
      ),
    }
  }
  return {
    json: { power, powerAverages: averages, powerCells: cells, powerMadeCells: made.cells },
    section: `${section}\n\n${madeSectionOf(made)}`,
    files: {
      'power.svg': picture,
      'power-made.svg': powerPicture(
        Object.entries(made.power).flatMap(([name, places]) =>
          Object.entries(places).map(([panel, values]) => ({ name, panel, values })),
        ),
        MADE_SIZES,
        'Power by factor on the latency of one route of ten, of the tail and of one instance of four, for each method',
      ),
    },
  }
}

/** The window of simulated services in `power`. */
const MADE = 'side by side, simulated, 1 h'
/** Simulated services for each place. */
const WORLDS = 150
const QUICK_WORLDS = 8

interface MadePower {
  readonly power: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>
  readonly worlds: number
  readonly cells: {
    readonly compared: number
    readonly significantlyAbove: number
    readonly significantlyBelow: number
    readonly below: readonly { place: string; size: number; peer: string; difference: number }[]
  }
}

/** Thresholds by the quiet worlds of all places together, as for real series: set on one half of the worlds, used on the other. */
function madePower({ quick, seed, progress }: PartOptions): MadePower {
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
  return {
    worlds,
    power: Object.fromEntries(
      methods.map((method) => [
        method,
        Object.fromEntries(
          PLACES.map((place) => [place, MADE_SIZES.map((_, k) => shareOf(of(method, k, place)))]),
        ),
      ]),
    ),
    cells: {
      compared: tests.length,
      significantlyAbove: above.length,
      significantlyBelow: below.length,
      below: below.map(({ place, size, peer, difference }) => ({ place, size, peer, difference })),
    },
  }
}

/** Those of the paired differences that Holm's method finds above and below 0, at 5 % each. */
function significant<T extends { readonly z: number }>(
  tests: readonly T[],
): { readonly above: readonly T[]; readonly below: readonly T[] } {
  const found = (sign: number): readonly T[] => {
    const adjusted = holm(
      tests.map(({ z }) => ({ p: normalUpperTail(sign * z), weight: 1 })),
      0.05,
    )
    return tests.filter((_, i) => (adjusted[i] as number) <= 0.05)
  }
  return { above: found(1), below: found(-1) }
}

function madeSectionOf({ power, worlds, cells }: MadePower): string {
  const rows = Object.entries(power).flatMap(([method, places]) =>
    Object.entries(places).map(
      ([place, rates]) =>
        `| ${[method, place, ...rates.map((rate) => (100 * rate).toFixed(1))].join(' | ')} |`,
    ),
  )
  const losses = cells.below.map(
    ({ place, size, peer, difference }) =>
      `${place} +${100 * size} %, ${peer} (${(100 * difference).toFixed(1)} points)`,
  )
  return `Simulated services of part A (side by side, an hour, ${worlds} for each place), whose new version has longer latencies in one route of ten, in one request of fifty whatever its route, or in one instance of four. Every method looks at the service as a whole and at each
route and speaks by the series that says most; ours sees its cells, the others the mean and the p99 of each minute. Thresholds at equal false alarms as above, over the quiet services of all places. Ours is above in ${cells.significantlyAbove} of ${cells.compared} cells (paired, Holm),
below in ${cells.significantlyBelow}${losses.length === 0 ? '' : `: ${losses.join('; ')}`}.

![Power by size of a change in a part of the service](power-made.svg)

| method | place | ${MADE_SIZES.map((size) => `+${100 * size} %`).join(' | ')} |
| --- | --- | ${MADE_SIZES.map(() => '---:').join(' | ')} |
${rows.join('\n')}`
}

/** The score that at most one in a hundred quiet moments is above. */
function thresholdOf(scores: Float64Array): number {
  const sorted = scores.filter((score) => !Number.isNaN(score)).sort()
  return sorted[Math.max(0, sorted.length - 1 - Math.floor(FALSE_ALARMS * sorted.length))] ?? 0
}

/** Mean size of the window before: what additive changes are a part of. */
function levelBefore({ line, at, window }: Moment): number {
  const values = present(line.values.subarray(at - window, at))
  return values.reduce((sum, value) => sum + Math.abs(value), 0) / values.length
}

function inject(after: Float64Array, { shape, size }: Injection, level: number): Float64Array {
  if (shape === 'multiplicative') return after.map((value) => value * (1 + size))
  if (shape === 'additive') return after.map((value) => value + size * level)
  return after.map((value, i) => value * (1 + (size * (i + 1)) / after.length))
}

function shareOf(found: Uint8Array): number {
  return found.reduce((sum, one) => sum + one, 0) / found.length
}

function curvesOf(power: Readonly<Record<string, Record<string, Record<string, number>>>>): Curve[] {
  return Object.entries(power).flatMap(([method, windows]) =>
    Object.entries(windows).map(([window, rates]) => ({
      name: method,
      panel: window,
      values: SIZES.map((size) => rates[`multiplicative +${Math.round(100 * size)} %`] as number),
    })),
  )
}

function sectionOf(
  power: Readonly<Record<string, Record<string, Record<string, number>>>>,
  averages: Readonly<Record<string, number>>,
  cells: {
    readonly compared: number
    readonly significantlyAbove: number
    readonly significantlyBelow: number
    readonly below: readonly { window: string; injection: string; peer: string; difference: number }[]
  },
): string {
  const percent = (x: number): string => (100 * x).toFixed(1)
  const rows = Object.entries(power).flatMap(([method, windows]) =>
    Object.entries(windows).flatMap(([window, rates]) =>
      SHAPES.map(
        (shape) =>
          `| ${[method, window, shape, ...SIZES.map((size) => percent(rates[`${shape} +${Math.round(100 * size)} %`] as number))].join(' | ')} |`,
      ),
    ),
  )
  const mean = Object.entries(averages).map(([method, rate]) => `| ${method} | ${percent(rate)} |`)
  const losses =
    cells.below.length === 0
      ? ''
      : `\n\nBelow a peer in: ${cells.below.map((c) => `${c.window}, ${c.injection}, ${c.peer} (${percent(c.difference)} points)`).join('; ')}.`
  return `Changes of known size put into the same kind of moments as in part A. Every method's threshold is the score that 1 % of one half of the quiet moments pass; power
is read on the other half, and the halves change places. Multiplicative: every point times 1 + x; additive: x times the mean size of the window before is added; ramp: from
nothing to x over the window. Differences from ours are tested cell by cell, series being the units, with Holm's adjustment over all ${cells.compared} cells at 5 %:
ours is above in ${cells.significantlyAbove}, below in ${cells.significantlyBelow}.${losses}

![Power by size of a multiplicative change](power.svg)

| method | mean power over all cells, % |
| --- | ---: |
${mean.join('\n')}

| method | window | change | +5 % | +10 % | +20 % | +50 % | +100 % |
| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |
${rows.join('\n')}`
}
