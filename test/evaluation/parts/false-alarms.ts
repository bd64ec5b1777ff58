import { type Cluster, upperLimit } from '../clustered.ts'
import type { Judgement, Method } from '../method.ts'
import { METHODS } from '../methods.ts'
import type { PartOptions, PartResult } from '../part.ts'
import { type Line, linesOf, type Moment, placebos, WINDOWS } from '../placebo-moments.ts'
import { readSeries } from '../series.ts'
import { BESIDE_METHODS } from '../side-by-side.ts'
import { countLines, madeCases, thinnedCases } from './false-alarms-beside.ts'

export const NOMINAL = [0.05, 0.01, 0.001, 0.0001] as const
/** Moments a window length that are aimed at. */
const MOMENTS = 2200
const QUICK = 150

export interface Rate {
  /** Share of moments that the method, as it comes, calls a change. */
  readonly rate: number
  readonly upper95: number
  readonly n: number
  /** Where the method has a p: share at or below each nominal level. */
  readonly nominal?: Readonly<Record<string, number>>
  /** The same anywhere, labelled anomalies included; before/after only. */
  readonly anywhere?: number
  /** Share of all alarms that the noisiest series (simulated world) has. */
  readonly worstSeries: number
}

/** By method and window. */
type Rates = Record<string, Record<string, Rate>>

export async function run(options: PartOptions): Promise<PartResult> {
  const lines = linesOf(await readSeries(options.data as string))
  if (lines.length === 0) throw new Error(`${options.data}: no series has a fixed step`)
  const falseAlarms: Rates = {}
  let done = 0
  for (const { name: window, seconds } of WINDOWS) {
    const aim = options.quick ? QUICK : MOMENTS
    const quiet = placebos(lines, seconds, aim, options.seed, false)
    const anywhere = placebos(lines, seconds, Math.ceil(aim / 2), options.seed + 1, true)
    for (const method of METHODS) {
      const rates = falseAlarms[method.name] ?? {}
      falseAlarms[method.name] = rates
      const judged = judge(method, quiet)
      const also = judge(method, anywhere)
      rates[window] = rateOf(
        quiet.map(({ line }) => line.path),
        judged,
        also,
        options.seed,
      )
      done += 1
      options.progress(done / (METHODS.length * WINDOWS.length))
    }
  }
  const beside = sideBySide(lines, options)
  const named = (windows: Readonly<Record<string, Rate>> = {}) =>
    Object.fromEntries(Object.entries(windows).map(([window, rate]) => [`side by side, ${window}`, rate]))
  return {
    json: {
      falseAlarms: Object.fromEntries(
        Object.keys({ ...falseAlarms, ...beside }).map((method) => [
          method,
          { ...falseAlarms[method], ...named(beside[method]) },
        ]),
      ),
    },
    section: sectionOf(falseAlarms, lines.length, beside, countLines(lines).length),
  }
}

/** Simulated worlds of four signals each, and moments of real counts, a window length. */
const WORLDS = 300
const QUICK_WORLDS = 8

/** @returns windows such as `simulated, 1 h` */
function sideBySide(lines: readonly Line[], { quick, seed }: PartOptions): Rates {
  const found: Rates = {}
  for (const { name, seconds } of WINDOWS) {
    const kinds = {
      simulated: madeCases(seconds, quick ? QUICK_WORLDS : WORLDS, seed),
      thinned: thinnedCases(lines, seconds, quick ? QUICK : MOMENTS, seed),
    }
    for (const [kind, cases] of Object.entries(kinds)) {
      const clusters: string[] = []
      const judged = new Map<string, Judgement[]>(BESIDE_METHODS.map((method) => [method.name, []]))
      for (const { cluster, beside } of cases) {
        clusters.push(cluster)
        for (const method of BESIDE_METHODS) judged.get(method.name)?.push(method.judge(beside))
      }
      if (clusters.length === 0) continue
      for (const [method, judgements] of judged) {
        const rates = found[method] ?? {}
        found[method] = rates
        rates[`${kind}, ${name}`] = rateOf(clusters, judgements, undefined, seed)
      }
    }
  }
  return found
}

export function judge(method: Method, moments: readonly Moment[]): readonly Judgement[] {
  return moments.map(({ line, at, window }) =>
    method.prepare(line, at, window)(line.values.subarray(at, at + window)),
  )
}

/** @param names of the cluster of each judgement */
function rateOf(
  names: readonly string[],
  judged: readonly Judgement[],
  anywhere: readonly Judgement[] | undefined,
  seed: number,
): Rate {
  const clusters = new Map<string, Cluster>()
  judged.forEach(({ alarm }, i) => {
    const path = names[i] as string
    const { sum, count } = clusters.get(path) ?? { sum: 0, count: 0 }
    clusters.set(path, { sum: sum + Number(alarm), count: count + 1 })
  })
  const all = [...clusters.values()]
  const alarms = all.reduce((sum, cluster) => sum + cluster.sum, 0)
  const share = (p: (judgement: Judgement) => boolean, of = judged): number => of.filter(p).length / of.length
  return {
    rate: alarms / judged.length,
    upper95: upperLimit(all, seed),
    n: judged.length,
    ...(judged.every(({ p }) => p !== undefined)
      ? {
          nominal: Object.fromEntries(
            NOMINAL.map((level) => [String(level), share(({ p }) => (p as number) <= level)]),
          ),
        }
      : {}),
    ...(anywhere === undefined ? {} : { anywhere: share(({ alarm }) => alarm, anywhere) }),
    worstSeries: alarms === 0 ? 0 : Math.max(...all.map((cluster) => cluster.sum)) / alarms,
  }
}

/** @param counts series of counts that were thinned */
function sectionOf(before: Rates, series: number, beside: Rates, counts: number): string {
  const percent = (x: number | undefined): string => (x === undefined ? '' : `${(100 * x).toFixed(2)} %`)
  const rows = (rates: Rates, anywhere: boolean) =>
    Object.entries(rates).flatMap(([method, windows]) =>
      Object.entries(windows).map(
        ([window, rate]) =>
          `| ${[
            method,
            window,
            rate.n,
            percent(rate.rate),
            percent(rate.upper95),
            ...(anywhere ? [percent(rate.anywhere)] : []),
            ...NOMINAL.map((level) => percent(rate.nominal?.[String(level)])),
            rate.worstSeries === 0 ? '' : `${Math.round(100 * rate.worstSeries)} %`,
          ].join(' | ')} |`,
      ),
    )
  return `Pretended releases at random moments of ${series} real series, nothing injected, before/after, one series a judgement. Windows have as many points as the
time in the table has at the series' step, at least 12; before each moment lie at least a day and three windows. *Alarm* is what a method, as it comes,
calls a change: p <= 1 % for \`postflight\` (two-sided, with no smallest effect asked for), the word regressed (either direction bad, beyond the default smallest effect) for \`postflight-verdict\`. The
upper limit is one-sided 95 %, by a bootstrap that draws whole series. *Anywhere* takes moments in and near labelled anomalies as well. The last column is the share
of a row's alarms that the noisiest series has.

| method | window | moments | alarm | upper 95 % | anywhere | at 5 % | at 1 % | at 0.1 % | at 0.01 % | one series |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
${rows(before, true).join('\n')}

Side by side, nothing injected. *Simulated*: ${WORLDS} services a window length, four signals each (latency, failures, exceptions, a gauge; the service as a whole), whose old and new version differ in instances (2 to 8 and 1 to 4, each
wandering for itself: latency by 5 %, memory 6 minutes), start (10 to 40 minutes ago, still warming) and share, and have traffic, levels and, in one of three, an incident in common (\`made-arms.ts\`). Peers get what a metrics store would give them: the
value of each minute. The upper limit draws whole services. *Thinned*: every event of ${counts} real series of whole numbers goes to the new version with probability 5, 20 or 50 %; that leaves binomial noise alone, so it says
little of versions that wander, and much of counts as they come.

| method | window | cases | alarm | upper 95 % | at 5 % | at 1 % | at 0.1 % | at 0.01 % | one series |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
${rows(beside, false).join('\n')}`
}
