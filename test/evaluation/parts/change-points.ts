import { z } from 'zod'
import { eDivisive } from '../../../analytics/stats/e-divisive.ts'
import { normalDraw } from '../../../analytics/stats/normal-draw.ts'
import { seededRandom } from '../../../analytics/stats/random.ts'
import { changePoints } from '../../../analytics/trends/change-points.ts'
import { causeOf, type Mark } from '../../../analytics/trends/match-releases.ts'
import { covering, f1 } from '../change-point-scores.ts'
import type { PartOptions, PartResult } from '../part.ts'
import { binarySegmentation, optimalPartition } from '../peers/mean-changes.ts'
import { otava } from '../peers/otava/otava.ts'
import { type DataSeries, readSeries } from '../series.ts'

type Columns = readonly Float64Array[]
/** Starts of segments, for each series. */
type Method = (
  all: readonly Columns[],
) => readonly (readonly number[])[] | Promise<readonly (readonly number[])[]>

/** Per person, named by a number, the indices at which a change was seen. */
const ANNOTATIONS = z.record(z.string().regex(/^\d+$/), z.array(z.int().nonnegative()))
/** A history with releases and known changes of its environment; or one of the same code measured again and again. */
const HISTORY = z.looseObject({
  releases: z.array(z.looseObject({ index: z.int(), tags: z.array(z.string()).optional() })).optional(),
  environment_changes: z.array(z.looseObject({ index: z.int() })).optional(),
  commits: z.array(z.unknown()),
})

/** D: changes that people saw, changes that have known causes, and none at all. */
export async function run({ data, quick, seed, progress }: PartOptions): Promise<PartResult> {
  const all = await readSeries(data as string)
  const random = seededRandom(seed)
  const ours = (columns: Columns) => changePoints(columns, { random })
  const methods: Record<string, Method> = {
    postflight: (series) => series.map((columns) => ours(columns).changes.map(({ index }) => index)),
    zero: (series) => series.map(() => []),
    amoc: (series) => series.map((columns) => binarySegmentation(columns.map(filled), 1)),
    binseg: (series) => series.map((columns) => binarySegmentation(columns.map(filled))),
    pelt: (series) => series.map((columns) => optimalPartition(columns.map(filled))),
    'e-divisive': (series) =>
      series.map((columns) =>
        united(
          columns.map((column) =>
            eDivisive(filled(column), { shortest: 5, random, rounds: quick ? 99 : 199 }).map(
              ({ index }) => index,
            ),
          ),
        ),
      ),
  }
  const problem = await otava([[1, 2, 3]]).then(
    () => undefined,
    (error: unknown) => (error as Error).message,
  )
  if (problem === undefined) {
    methods['otava'] = async (series) => {
      const found = await otava(series.flatMap((columns) => columns.map(filled)))
      let at = 0
      return series.map((columns) => united(columns.map(() => found[at++] as number[])))
    }
  }
  progress(0.1)

  const annotated = all.flatMap((series) => {
    const labels = ANNOTATIONS.safeParse(series.labels)
    return labels.success && Object.keys(labels.data).length > 0
      ? [{ series, people: Object.values(labels.data) }]
      : []
  })
  const scores: Record<string, { cover: number; f1: number; series: number }> = {}
  const rows = annotated.map(({ series }) => [series.path, String(series.times.length)])
  for (const [name, method] of Object.entries(methods)) {
    const found = await method(annotated.map(({ series }) => series.columns))
    let cover = 0
    let score = 0
    for (const [at, { series, people }] of annotated.entries()) {
      const own = [
        covering(people, found[at] as number[], series.times.length),
        f1(people, found[at] as number[]),
      ] as const
      cover += own[0]
      score += own[1]
      rows[at]?.push(own.map((value) => value.toFixed(3)).join(' / '))
    }
    const series = annotated.length
    if (series > 0) scores[name] = { cover: round(cover / series), f1: round(score / series), series }
    progress(0.1 + (0.4 * Object.keys(scores).length) / Object.keys(methods).length)
  }

  const histories = all.flatMap((series) => {
    const labels = HISTORY.safeParse(series.labels)
    return labels.success ? [{ series, labels: labels.data }] : []
  })
  const known = await knownCauses(histories, ours, methods['otava'])
  progress(0.6)
  const alarms = await simulated(methods, quick ? 40 : 300, seed, (share) => progress(0.6 + 0.4 * share))

  const header = (names: readonly string[]) =>
    `| ${names.join(' | ')} |\n| ${names.map(() => '---').join(' | ')} |`
  const table = (names: readonly string[], body: readonly (readonly string[])[]) =>
    `${header(names)}\n${body.map((cells) => `| ${cells.join(' | ')} |`).join('\n')}`
  const names = Object.keys(methods)
  const section = `${problem === undefined ? '' : `**Otava did not run**: ${problem}\n\n`}Changes that people saw: covering / F1 (margin 5), each at its default settings, mean of ${annotated.length} series.

${table(
  ['method', 'cover', 'F1'],
  Object.entries(scores).map(([name, value]) => [name, value.cover.toFixed(3), value.f1.toFixed(3)]),
)}

${table(['series', 'values', ...names], rows)}

Histories of benchmarks: known changes of the environment are visible where the medians of up to 30 values before and after differ by more than three standard
deviations (fewer than ten values after: not judged). Blamed: changes whose window holds or touches a known change of the environment, and that a release got.
Nearest mark: those that the rule "the nearest release did it" would have blamed. No release: changes found where there is none; attributed: those that got one all the same.

${table(
  [
    'method',
    'visible',
    'found',
    'blamed on a release',
    'nearest mark blames',
    'all changes',
    'environment',
    'release',
    'unexplained',
    'no release',
    'attributed',
  ],
  Object.entries(known).map(([name, value]) => [name, ...Object.values(value).map(String)]),
)}

Made series: share of series in which a change is found though there is none (noise with lag-one autocorrelation rho), and in which one is found within five
values of a shift of 2 standard deviations of the noise at 60 % of the length.

${table(
  ['values', 'rho', ...Object.keys(alarms[0]?.methods ?? {}).map((name) => `${name}: alarms, found`)],
  alarms.map(({ length, rho, methods: shares }) => [
    String(length),
    String(rho),
    ...Object.values(shares).map(({ alarms: a, found: f }) => `${percent(a)}, ${percent(f)}`),
  ]),
)}

${alarms[0]?.runs} series a row: 1 % is measured as 0 to 2.5 %, 5 % as 2 to 8 % (95 % binomial limits for 300).
`
  return {
    json: {
      changePoints: scores,
      benchmarkHistories: known,
      changePointAlarms: alarms,
      ...(problem === undefined ? {} : { otavaMissing: problem }),
    },
    section,
  }
}

interface Known {
  visible: number
  found: number
  blamed: number
  nearestBlames: number
  changes: number
  environment: number
  release: number
  unexplained: number
  withoutReleases: number
  attributed: number
}

type Ours = (columns: Columns) => ReturnType<typeof changePoints>

async function knownCauses(
  histories: readonly { readonly series: DataSeries; readonly labels: z.infer<typeof HISTORY> }[],
  ours: Ours,
  peer: Method | undefined,
): Promise<Record<string, Known>> {
  const result: Record<string, Known> = {}
  const peers = await peer?.(histories.map(({ series }) => series.columns))
  for (const name of peers === undefined ? ['postflight'] : ['postflight', 'otava']) {
    const total: Known = {
      visible: 0,
      found: 0,
      blamed: 0,
      nearestBlames: 0,
      changes: 0,
      environment: 0,
      release: 0,
      unexplained: 0,
      withoutReleases: 0,
      attributed: 0,
    }
    for (const [at, { series, labels }] of histories.entries()) {
      // Otava gives a place without a window.
      const changes =
        name === 'postflight'
          ? ours(series.columns).changes
          : (peers?.[at] ?? []).map((index) => ({ index, earliest: index, latest: index }))
      const releases = (labels.releases ?? []).map(
        ({ index, tags }, i): Mark => ({ name: tags?.join(', ') ?? String(i), index }),
      )
      const environments = (labels.environment_changes ?? []).map(
        ({ index }): Mark => ({ name: `row ${index}`, index }),
      )
      const near = (change: { earliest: number; latest: number }): Mark | undefined =>
        environments.find(({ index }) => index >= change.earliest - 1 && index <= change.latest + 1)
      for (const { index } of environments) {
        if (!visibleAt(series.columns[0] as Float64Array, index)) continue
        total.visible++
        if (changes.some((change) => near(change)?.index === index)) total.found++
      }
      for (const change of changes) {
        total.changes++
        const cause = causeOf(change, {
          releases,
          environments,
          measured: 'commits',
          length: series.times.length,
        })
        total[cause.kind]++
        if (releases.length === 0) {
          total.withoutReleases++
          if (cause.kind === 'release') total.attributed++
        }
        if (near(change) === undefined) continue
        if (cause.kind === 'release') total.blamed++
        if (releases.some(({ index }) => Math.abs(index - change.index) <= 5)) total.nearestBlames++
      }
    }
    result[name] = total
  }
  return result
}

function visibleAt(column: Float64Array, index: number): boolean {
  const before = column.subarray(Math.max(0, index - 30), index)
  const after = column.subarray(index, index + 30)
  if (after.length < 10 || before.length < 10) return false
  const middle = (values: Float64Array): number => values.toSorted()[values.length >> 1] as number
  const spread = (values: Float64Array): number =>
    1.4826 * middle(values.map((value) => Math.abs(value - middle(values))))
  return Math.abs(middle(after) - middle(before)) > 3 * Math.max(spread(before), spread(after))
}

interface Alarms {
  readonly length: number
  readonly rho: number
  readonly runs: number
  readonly methods: Record<string, { readonly alarms: number; readonly found: number }>
}

async function simulated(
  methods: Readonly<Record<string, Method>>,
  runs: number,
  seed: number,
  progress: (share: number) => void,
): Promise<readonly Alarms[]> {
  const random = seededRandom(seed + 1)
  const normal = () => normalDraw(random)
  const grid = [20, 50, 91, 365].flatMap((length) => [0, 0.3, 0.5, 0.7, 0.9].map((rho) => ({ length, rho })))
  const result: Alarms[] = []
  for (const { length, rho } of grid) {
    const make = (shift: number): Columns => {
      const column = new Float64Array(length)
      let memory = normal()
      for (let i = 0; i < length; i++) {
        column[i] = memory + (i >= Math.floor(0.6 * length) ? shift : 0)
        memory = rho * memory + Math.sqrt(1 - rho * rho) * normal()
      }
      return [column]
    }
    const quiet = Array.from({ length: runs }, () => make(0))
    const shifted = Array.from({ length: runs }, () => make(2))
    const shares: Record<string, { alarms: number; found: number }> = {}
    for (const [name, method] of Object.entries(methods)) {
      if (['zero', 'amoc', 'e-divisive'].includes(name)) continue
      const alarms = (await method(quiet)).filter((found) => found.length > 0).length
      const place = Math.floor(0.6 * length)
      const found = (await method(shifted)).filter((starts) =>
        starts.some((start) => Math.abs(start - place) <= 5),
      ).length
      shares[name] = { alarms: round(alarms / runs), found: round(found / runs) }
    }
    result.push({ length, rho, runs, methods: shares })
    progress(result.length / grid.length)
  }
  return result
}

const round = (value: number): number => Math.round(value * 10_000) / 10_000
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`
const united = (lists: readonly (readonly number[])[]): number[] =>
  [...new Set(lists.flat())].sort((a, b) => a - b)

/** Peers know no gaps: the value before, else the first one. */
function filled(column: Float64Array): Float64Array {
  let last = column.find((value) => Number.isFinite(value)) ?? 0
  return column.map((value) => {
    if (Number.isFinite(value)) last = value
    return last
  })
}
