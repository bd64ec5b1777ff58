import type { Config } from '../../schemas/config.ts'
import type { Catalogue } from '../../schemas/signals/catalogue.ts'
import type { Signal } from '../../schemas/signals/signal.ts'
import type { Store } from '../../schemas/store/client.ts'
import type { Measured } from '../compare/comparison.ts'
import { appeared, busiest, compareSignals } from '../jobs/compare-signals.ts'
import { loadCells } from '../queries/cells.ts'
import { type ReadingPlan, readingPlan } from '../queries/reading-plan.ts'
import type { CellSet } from '../queries/series-set.ts'
import { allDeployments } from '../releases/stored-deployments.ts'
import { beforeWindow, windowSettings } from '../windows/deployment-windows.ts'
import { APPEARANCE_METHOD, NULL_DAYS, WHOLE_DAY, WHOLE_DAY_METHOD } from './calibrations.ts'
import { isForecast, loadPastLines, type Pasts, slotLength } from './past.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
/**
 * Hours between two quiet moments. Eleven goes round the clock, two moments a day and each day at other hours; six weeks have some ninety, each with
 * a statistic for every series that is sampled.
 */
const EVERY_HOURS = 11
/** Dimensions of a signal that a moment is taken of: calibration pools over them, so a sample is enough. */
const SERIES_SAMPLE = 6
/** Of which a forecast is made as well, which costs a hundred times as much; nothing is calibrated by them. */
const FORECAST_SAMPLE = 2
/** Of an interval, as in a report. */
const ALPHA = 0.01
/** Seasons cancel over a whole day before only: moments with less are told apart. */
const METHOD = 'placebo-before-after@2'

export interface QuietPast {
  readonly service: string
  readonly environment: string
}

/**
 * Keeps the quiet past of a service up to date: at moments at which nothing was released, the same comparison that a report makes, so that
 * its spread is known. Moments that were made before are not made again; those near a deployment or in an alert are left out.
 * @param until milliseconds: moments whose window after is over by then
 * @param most moments that one call makes, newest first
 * @returns moments made
 */
export async function updateNulls(
  store: Store,
  catalogue: Catalogue,
  config: Config,
  of: QuietPast,
  until: number,
  most = 8,
): Promise<number> {
  const settings = windowSettings(config.analysis, of.environment)
  // The length a window after usually has; a watch of many hours says nothing more about errors of minutes.
  const watch = Math.min(settings.watchMinutes, 120) * MINUTE
  const [seen] = await store.query<{ first: number; last: number }>(
    `SELECT toUnixTimestamp(min(first_time)) AS first, toUnixTimestamp(max(last_time)) AS last FROM version_1h
    WHERE service = {service:String} AND environment = {environment:String}`,
    { ...of },
  )
  if (seen === undefined || seen.last === 0) return 0
  const [deployments, made, alerts] = await Promise.all([
    allDeployments(store, of),
    store.query<{ t: number }>(
      `SELECT DISTINCT toUnixTimestamp(time) AS t FROM nulls
      WHERE service = {service:String} AND environment = {environment:String} AND signal = ''`,
      { ...of },
    ),
    store.query<{ from: number; to: number }>(
      `SELECT toUnixTimestamp64Milli(starts_at) AS from, toUnixTimestamp64Milli(ifNull(ends_at, toDateTime64('2200-01-01 00:00:00', 3))) AS to
      FROM alerts FINAL WHERE service = {service:String} AND environment = {environment:String}`,
      { ...of },
    ),
  ])
  const last = Math.min(until, seen.last * 1000)
  const moments = quietMoments({
    first: Math.max(seen.first * 1000, until - NULL_DAYS * 24 * HOUR),
    last,
    watch,
    beforeMinutes: settings.beforeMinutes,
    deployments: deployments.map((deployment) => Date.parse(deployment.startedAt)),
    excluded: alerts,
  }).filter((moment) => !made.some(({ t }) => t * 1000 === moment.at))
  const chosen = moments.slice(-most)
  const [oldest, newest] = [chosen[0], chosen.at(-1)]
  if (oldest === undefined || newest === undefined) return 0
  const windows = chosen.map((moment) => ({
    moment,
    before: beforeWindow(moment.at, moment.previous, settings),
  }))
  const plans = await Promise.all(
    windows.map(({ moment, before }) =>
      readingPlan(store, of, {
        from: before.from / 1000,
        start: before.to / 1000,
        to: (moment.at + watch) / 1000,
      }),
    ),
  )
  // The same dimensions at all moments and in the weeks before them.
  const oneIn = Math.ceil(Math.max(...plans.map(({ dimensions }) => dimensions)) / (2 * SERIES_SAMPLE))
  const pastsOf = await loadPastLines(store, catalogue, {
    ...of,
    oneIn: Math.max(1, oneIn),
    from: oldest.at / 1000,
    to: newest.at / 1000,
    slotSeconds: slotLength(watch / 1000, 60),
    releases: deployments.map((deployment) => Date.parse(deployment.startedAt) / 1000),
  })
  for (const [at, { moment, before }] of windows.entries()) {
    const plan = plans[at] as ReadingPlan
    const set = await loadCells(store, catalogue, {
      ...of,
      from: before.from / 1000,
      to: (moment.at + watch) / 1000,
      step: plan.step,
      histogramFrom: plan.histogramFrom,
      oneIn: Math.max(1, oneIn),
    })
    await storeMoment(
      store,
      catalogue.signals,
      of,
      set,
      { ...before, end: moment.at + watch, step: plan.step },
      pastsOf(moment.at / 1000),
      until,
    )
  }
  return chosen.length
}

export interface QuietMoment {
  /** Milliseconds. */
  readonly at: number
  /** Start of the deployment before it. */
  readonly previous: number | undefined
}

/** Moments on a fixed grid with no deployment (or exclusion) in the windows around them; oldest first. */
export function quietMoments(input: {
  readonly first: number
  readonly last: number
  readonly watch: number
  readonly beforeMinutes: number
  readonly deployments: readonly number[]
  readonly excluded: readonly { readonly from: number; readonly to: number }[]
}): readonly QuietMoment[] {
  const step = EVERY_HOURS * HOUR
  const moments: QuietMoment[] = []
  // The time before has to be at least as long as the window after to say anything.
  const from = input.first + Math.max(input.watch, HOUR)
  for (let at = Math.ceil(from / step) * step; at + input.watch <= input.last; at += step) {
    const near = input.deployments.some(
      (start) => start > at - input.watch - HOUR && start < at + input.watch,
    )
    const noisy = input.excluded.some(({ from: start, to }) => start < at + input.watch && to > at - HOUR)
    if (near || noisy) continue
    moments.push({ at, previous: input.deployments.findLast((start) => start < at) })
  }
  return moments
}

async function storeMoment(
  store: Store,
  signals: readonly Signal[],
  of: QuietPast,
  set: CellSet,
  span: { readonly from: number; readonly to: number; readonly end: number; readonly step: number },
  past: Pasts,
  now: number,
): Promise<void> {
  const versions = new Set<string>()
  for (const dimensions of set.values()) {
    for (const byVersion of dimensions.values()) for (const version of byVersion.keys()) versions.add(version)
  }
  const before = { set, versions: [...versions], from: span.from / 1000, to: span.to / 1000 }
  const after = { set, versions: [...versions], from: span.to / 1000, to: span.end / 1000 }
  const options = { alpha: ALPHA, design: 'before-after', stepSeconds: span.step } as const
  // Growth is compared with earlier starts: a moment without a start says nothing about it.
  const compared = signals.filter((signal) => signal.growth !== true)
  const comparisons = compareSignals(compared, before, after, { ...options, only: busiest(SERIES_SAMPLE) })
  const forecasts = new Map(
    compareSignals(compared.filter(isForecast), before, after, {
      ...options,
      past,
      only: busiest(FORECAST_SAMPLE),
    }).flatMap(({ signal, dimension, comparison }) =>
      comparison.kind === 'measured'
        ? [[JSON.stringify([signal.id, dimension]), comparison.forecast] as const]
        : [],
    ),
  )
  const key = {
    service: of.service,
    environment: of.environment,
    window_minutes: Math.round((span.end - span.to) / MINUTE),
    time: new Date(span.to).toISOString(),
    method: span.to - span.from >= WHOLE_DAY ? WHOLE_DAY_METHOD : METHOD,
    updated_at: new Date(now).toISOString(),
  }
  const rows = comparisons.flatMap(({ signal, dimension, comparison, before }) =>
    comparison.kind === 'measured' && Number.isFinite(comparison.studentised)
      ? [
          {
            ...key,
            signal: signal.id,
            dimension,
            method: appeared(signal, { before }) ? APPEARANCE_METHOD : key.method,
            statistic: comparison.studentised,
            standard_error: errorOf(comparison),
            ...forecastColumns(forecasts.get(JSON.stringify([signal.id, dimension]))),
          },
        ]
      : [],
  )
  // The row without a signal says that the moment was looked at, even if it gave nothing.
  await store.insert('nulls', [
    ...rows,
    { ...key, signal: '', dimension: '', statistic: 0, standard_error: 0 },
  ])
}

function forecastColumns(forecast: Measured['forecast']) {
  return { forecast_score: forecast?.score ?? null, forecast_error: forecast?.reach ?? null }
}

/** Such that statistic times error is the effect, which the season is read from. */
function errorOf(comparison: Measured): number {
  if (comparison.scale !== 'log' || comparison.studentised === 0) return comparison.standardError
  const effect = comparison.studentisedEffect ?? Math.log(comparison.effect.ratio)
  const error = effect / comparison.studentised
  return Number.isFinite(error) && error > 0 ? error : comparison.standardError
}
