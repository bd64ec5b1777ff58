import { clusteredZ } from '../clustered.ts'
import { shareOf, significant, thresholdOf } from '../equal-alarms.ts'
import { present } from '../method.ts'
import { METHODS, OURS } from '../methods.ts'
import type { PartOptions, PartResult } from '../part.ts'
import { linesOf, type Moment, placebos, WINDOWS } from '../placebo-moments.ts'
import { type Curve, powerPicture } from '../power-picture.ts'
import { readSeries } from '../series.ts'
import { runMade } from './power-made.ts'

const SIZES = [0.05, 0.1, 0.2, 0.5, 1] as const
const SHAPES = ['multiplicative', 'additive', 'ramp'] as const
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
  const made = runMade(options)
  return {
    json: {
      power: Object.fromEntries(
        Object.keys({ ...power, ...made.power }).map((method) => [
          method,
          { ...power[method], ...made.power[method] },
        ]),
      ),
      powerAverages: averages,
      powerCells: cells,
      powerMadeCells: made.cells,
    },
    section: `${section}\n\n${made.section}`,
    files: { 'power.svg': picture, 'power-made.svg': made.picture },
  }
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
