import type { Deployment } from '../../schemas/contracts/deployment.ts'
import type { Report, Verdict } from '../../schemas/contracts/report.ts'
import type { ServiceSignalTrend, ServiceTrends } from '../../schemas/contracts/service-trends.ts'
import type { Catalogue } from '../../schemas/signals/catalogue.ts'
import type { Signal } from '../../schemas/signals/signal.ts'
import type { Store } from '../../schemas/store/client.ts'
import { loadCells } from '../queries/cells.ts'
import { versionsOf } from '../queries/signal-lines.ts'
import { signalPoints } from '../queries/signal-series.ts'
import { allDeployments } from '../releases/stored-deployments.ts'
import { holm } from '../stats/holm.ts'
import { mannKendall, seasonalMannKendall } from '../stats/mann-kendall.ts'
import { normalUpperQuantile } from '../stats/normal.ts'
import { seededRandom } from '../stats/random.ts'
import { theilSen } from '../stats/theil-sen.ts'
import { type ChangePoints, changePoints } from '../trends/change-points.ts'
import { type Creep, creep, type ReleaseEffect } from '../trends/creep.ts'
import { causeOf, type Marks } from '../trends/match-releases.ts'
import { prepareSeries } from '../trends/prepare-series.ts'

export interface ServiceTrendsRequest {
  readonly service: string
  readonly environment: string
  /** Milliseconds since the epoch; the last whole step before it is the last one. */
  readonly now: number
  /** Length of the period; a quarter has 91. */
  readonly days: number
  /** Ids in the catalogue; default all. */
  readonly signals?: readonly string[]
}

const DAY = 86_400
/** Shorter histories are judged by three hours instead of days, so that a young service has enough values. */
const FEWEST_DAYS = 28
const SHORT_STEP = 10_800
const ALPHA = 0.05
/** Of a sum of releases, over all signals of the service. */
const CREEP_ALPHA = 0.01
/** Fewest values of a series that is judged. */
const FEWEST_VALUES = 14

interface ReportRow {
  readonly deployment_id: string
  readonly windows: string
  readonly also_moved: string
  readonly provisional: boolean
}

interface VerdictRow {
  readonly deployment_id: string
  readonly signal: string
  readonly verdict_json: string
}

/**
 * How the signals of a service went over a period: robust slopes, change points with their causes, and the sum of what its releases did. From
 * hourly rollups and stored verdicts; the same data give the same answer (chance is seeded).
 */
export async function serviceTrends(
  store: Store,
  catalogue: Catalogue,
  request: ServiceTrendsRequest,
): Promise<ServiceTrends> {
  const { service, environment } = request
  const of = { service, environment }
  const signals =
    request.signals === undefined ? catalogue.signals : request.signals.map((id) => catalogue.signal(id))
  const to = Math.floor(request.now / 1000)
  const [known] = await store.query<{ first: number }>(
    `SELECT toUnixTimestamp(min(time)) AS first FROM signal_1h
    WHERE service = {service:String} AND environment = {environment:String} AND time >= toDateTime({from:UInt32})`,
    { ...of, from: Math.max(0, to - request.days * DAY) },
  )
  const first = Math.max(known?.first ?? 0, to - request.days * DAY)
  const step = to - first >= FEWEST_DAYS * DAY ? DAY : SHORT_STEP
  const end = Math.floor(to / step) * step
  // Of a first step that began before the telemetry there is only a part.
  const start = Math.ceil(first / step) * step
  const times = Array.from({ length: Math.max(0, (end - start) / step) }, (_, i) => start + i * step)
  const window = { service, environment, from: iso(start), to: iso(end) }
  const params = { ...of, from: start * 1000, to: end * 1000 }
  const [set, all, reports, verdicts] = await Promise.all([
    loadCells(store, catalogue, { ...of, from: start, to: end, step, signals, flat: true }),
    allDeployments(store, of),
    store.query<ReportRow>(
      `SELECT deployment_id, JSONExtractRaw(report_json, 'windows') AS windows, JSONExtractRaw(report_json, 'alsoMoved') AS also_moved, provisional
      FROM reports FINAL WHERE service = {service:String} AND environment = {environment:String}
        AND started_at >= fromUnixTimestamp64Milli({from:Int64}) AND started_at < fromUnixTimestamp64Milli({to:Int64})`,
      params,
    ),
    store.query<VerdictRow>(
      `SELECT deployment_id, signal, verdict_json FROM verdicts FINAL
      WHERE service = {service:String} AND environment = {environment:String} AND dimension = ''
        AND started_at >= fromUnixTimestamp64Milli({from:Int64}) AND started_at < fromUnixTimestamp64Milli({to:Int64})`,
      params,
    ),
  ])
  const deployments = all.filter(({ startedAt }) => {
    const at = Date.parse(startedAt) / 1000
    return at >= start && at < end
  })
  const marks: Marks = {
    releases: deployments.map(({ version, startedAt }) => ({
      name: version,
      index: Math.floor((Date.parse(startedAt) / 1000 - start) / step),
    })),
    environments: environmentsOf(reports, start, step),
    measured: 'deployed',
    length: times.length,
  }
  const found = signals.flatMap((signal) => {
    const byTime = new Map(
      signalPoints(set, signal, versionsOf(set, signal), '', step).map(({ time, value }) => [
        Date.parse(time) / 1000,
        value,
      ]),
    )
    const values = Float64Array.from(times, (time) => byTime.get(time) ?? Number.NaN)
    const sum = creepOf(signal, deployments, reports, verdicts)
    const present = values.filter((value) => Number.isFinite(value)).length
    if (present < FEWEST_VALUES && sum === undefined) return []
    return [{ signal, values, sum, trend: trendOf(signal, values, step, marks, present) }]
  })
  const adjusted = holm(
    found.map(({ sum }) => ({ p: sum?.uncalled?.p ?? 1 })),
    CREEP_ALPHA,
  )
  const judged = found.map(({ signal, values, sum, trend }, at): ServiceSignalTrend => {
    return {
      signal: signal.id,
      title: signal.title,
      group: signal.group,
      kind: signal.kind,
      unit: signal.unit,
      scale: trend.logarithmic ? 'ratio' : 'difference',
      values: Array.from(values, (value) => (Number.isFinite(value) ? value : null)),
      period: trend.points.period,
      slope: trend.slope,
      changes: trend.points.changes.map((change) => {
        const [before, after] = [
          trend.back(change.before[0] as number),
          trend.back(change.after[0] as number),
        ]
        const cause = change.established ? causeOf(change, marks) : ({ kind: 'unexplained' } as const)
        return {
          at: iso(times[change.index] as number),
          earliest: iso(times[change.earliest] as number),
          latest: iso(times[change.latest] as number),
          before,
          after,
          ratio: trend.logarithmic ? after / before : null,
          p: change.p,
          established: change.established,
          provisional: change.provisional,
          cause:
            cause.kind === 'release'
              ? { kind: 'release', versions: [...cause.names], byChance: cause.byChance }
              : cause.kind === 'environment'
                ? { kind: 'environment', causes: [...cause.names] }
                : cause,
        }
      }),
      possible:
        trend.points.possible === undefined
          ? null
          : {
              at: iso(times[trend.points.possible.index] as number),
              before: trend.back(trend.points.possible.before[0] as number),
              after: trend.back(trend.points.possible.after[0] as number),
            },
      creep: sum === undefined ? null : creepAnswer(signal, sum, adjusted[at] as number, deployments),
    }
  })
  return {
    ...window,
    stepSeconds: step,
    times: times.map(iso),
    releases: deployments.map(({ version, id, startedAt }) => ({ version, deploymentId: id, startedAt })),
    signals: judged.sort((a, b) => weightOf(b) - weightOf(a)),
  }
}

const iso = (seconds: number): string => new Date(seconds * 1000).toISOString()

/** Crept first, then what changed, then what rises or falls. */
function weightOf(trend: ServiceSignalTrend): number {
  const established = trend.changes.filter((change) => change.established).length
  return (
    (trend.creep?.crept === true ? 100 : 0) +
    (established > 0 ? 10 + Math.min(9, established) : 0) +
    (trend.slope !== null && trend.slope.p <= 0.01 ? 1 : 0)
  )
}

/** Changes of instrumentation and sampling that reports saw: known causes that are no release. */
function environmentsOf(reports: readonly ReportRow[], start: number, step: number): Marks['environments'] {
  return reports.flatMap((row) => {
    const moved = (row.also_moved === '' ? [] : JSON.parse(row.also_moved)) as Report['alsoMoved'] | null
    return (moved ?? []).flatMap(({ kind, at, summary }) =>
      (kind === 'instrumentation' || kind === 'sampling') && at !== null
        ? [{ name: summary, index: Math.floor((Date.parse(at) / 1000 - start) / step) }]
        : [],
    )
  })
}

interface Judged {
  readonly points: ChangePoints
  readonly slope: ServiceSignalTrend['slope']
  readonly logarithmic: boolean
  /** From the scale that was judged to the unit. */
  readonly back: (value: number) => number
}

function trendOf(signal: Signal, values: Float64Array, step: number, marks: Marks, present: number): Judged {
  const logarithmic = present > 0 && values.every((value) => Number.isNaN(value) || value > 0)
  const series = logarithmic ? values.map(Math.log) : values
  const back = (value: number): number => (logarithmic ? Math.exp(value) : value)
  // A week of days, or a day of three hours.
  const cycle = step === DAY ? 7 : DAY / step
  const prepared =
    present < Math.max(FEWEST_VALUES, series.length / 2) ? undefined : prepareSeries(series, cycle)
  const points = changePoints([prepared === undefined ? new Float64Array(0) : series], {
    period: cycle,
    smallest: logarithmic ? Math.log(signal.smallestEffect.ratio) : signal.smallestEffect.absolute,
    random: seededRandom(marks.length),
  })
  if (prepared === undefined || prepared.scale === 0) return { points, slope: null, logarithmic, back }
  const gaps = series.some((value) => Number.isNaN(value))
  // Without its season, gaps as gaps.
  const plain = prepared.spiky.map((value, i) =>
    Number.isNaN(series[i]) ? Number.NaN : value * prepared.scale,
  )
  // A jump is told of as a change; a slope is what goes on beside it.
  for (const { established, index, before, after } of points.changes) {
    if (!established) continue
    for (let i = index; i < plain.length; i++) {
      plain[i] = (plain[i] as number) - ((after[0] as number) - (before[0] as number))
    }
  }
  const test = mannKendall(plain)
  const seasonal = !gaps && plain.length >= 10 * cycle ? seasonalMannKendall(plain, cycle) : undefined
  const days = Float64Array.from(plain, (_, i) => (i * step) / (30 * DAY))
  const line = theilSen(days, plain, ALPHA, test.factor)
  const slope =
    line === undefined
      ? null
      : {
          value: back(line.slope),
          low: back(line.low),
          high: back(line.high),
          // Each test holds where the other may not: a trend is what both see.
          p: Math.max(test.p, seasonal?.p ?? 0),
        }
  return { points, slope, logarithmic, back }
}

interface Sum {
  readonly creep: Creep
  /** Of the releases that nobody was told of. */
  readonly uncalled: Creep | undefined
  readonly ratio: boolean
  readonly leftOut: number
}

function creepOf(
  signal: Signal,
  deployments: readonly Deployment[],
  reports: readonly ReportRow[],
  rows: readonly VerdictRow[],
): Sum | undefined {
  const own = new Map(
    rows
      .filter((row) => row.signal === signal.id)
      .map((row) => [row.deployment_id, JSON.parse(row.verdict_json) as Verdict]),
  )
  const byId = new Map(reports.map((row) => [row.deployment_id, row]))
  // One scale for all: ratios, unless most releases have none.
  const ratios = [...own.values()].filter((verdict) => verdict.intervalOf === 'ratio').length
  const ratio = ratios * 2 >= own.size
  const effects = deployments.flatMap((deployment): ReleaseEffect[] => {
    const verdict = own.get(deployment.id)
    const report = byId.get(deployment.id)
    if (verdict === undefined || report === undefined || report.provisional) return []
    const measured = effectOf(verdict, ratio)
    if (measured === undefined) return []
    const windows = JSON.parse(report.windows) as Report['windows']
    const span = ({ from, to }: { from: string; to: string }) => ({
      from: Date.parse(from) / 1000,
      to: Date.parse(to) / 1000,
    })
    const after = span(windows.after)
    return [
      {
        name: deployment.id,
        ...measured,
        before: verdict.design === 'side_by_side' ? after : span(windows.before),
        after,
      },
    ]
  })
  const sum = creep(effects, ALPHA)
  if (sum === undefined) return undefined
  const called = (id: string): boolean => ['regressed', 'improved'].includes(own.get(id)?.word ?? '')
  return {
    creep: sum,
    // Those that overlap are left out already.
    uncalled: creep(
      effects.filter(({ name }) => !sum.overlapping.includes(name) && !called(name)),
      ALPHA,
    ),
    ratio,
    leftOut: deployments.length - sum.contributions.length,
  }
}

/** Effect and standard error of a verdict, from its interval: a bound that is not known is as far as the other one. */
function effectOf(
  verdict: Verdict,
  ratio: boolean,
): { readonly effect: number; readonly standardError: number } | undefined {
  if ((verdict.intervalOf === 'ratio') !== ratio) return undefined
  const value = ratio ? verdict.effectRatio : verdict.effectDifference
  const scale = (bound: number | null): number =>
    bound === null || (ratio && bound <= 0) ? Number.NaN : ratio ? Math.log(bound) : bound
  const effect = scale(value)
  const [low, high] = [scale(verdict.interval[0]), scale(verdict.interval[1])]
  const half = Number.isNaN(low) ? high - effect : Number.isNaN(high) ? effect - low : (high - low) / 2
  if (!(Number.isFinite(effect) && half > 0)) return undefined
  // Older reports have the interval only. One by Student's t is wider than this allows for, so errors come out rather too large.
  const fromInterval = half / normalUpperQuantile((1 - verdict.confidence) / 2)
  return { effect, standardError: verdict.standardError ?? fromInterval }
}

function creepAnswer(
  signal: Signal,
  { creep: sum, uncalled, ratio, leftOut }: Sum,
  adjusted: number,
  deployments: readonly Deployment[],
): NonNullable<ServiceSignalTrend['creep']> {
  const byId = new Map(deployments.map((deployment) => [deployment.id, deployment]))
  const back = (value: number): number => (ratio ? Math.exp(value) : value)
  const size = Math.abs(uncalled?.sum ?? 0)
  const matters = ratio
    ? size >= Math.log(signal.smallestEffect.ratio)
    : size >= signal.smallestEffect.absolute
  return {
    value: back(sum.sum),
    low: back(sum.low),
    high: back(sum.high),
    scale: ratio ? 'ratio' : 'difference',
    p: sum.p,
    uncalled:
      uncalled === undefined
        ? null
        : { value: back(uncalled.sum), low: back(uncalled.low), high: back(uncalled.high), p: uncalled.p },
    crept: adjusted <= CREEP_ALPHA && matters,
    releases: sum.contributions.map(({ name, effect, low, high }) => {
      const deployment = byId.get(name) as Deployment
      return {
        version: deployment.version,
        deploymentId: name,
        startedAt: deployment.startedAt,
        value: back(effect),
        low: back(low),
        high: back(high),
      }
    }),
    leftOut,
  }
}
