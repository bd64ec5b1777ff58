import type { OwnFalseAlarms } from '../../schemas/contracts/own-false-alarms.ts'
import type { Catalogue } from '../../schemas/signals/catalogue.ts'
import type { Store } from '../../schemas/store/client.ts'
import { normalUpperQuantile, normalUpperTail } from '../stats/normal.ts'
import { calibrate, calibratedUpperTail } from '../stats/placebo.ts'
import { seededRandom } from '../stats/random.ts'
import { NULL_DAYS } from './calibrations.ts'

/** One comparison at a moment at which nothing was released. */
export interface QuietComparison {
  readonly signal: string
  /** Seconds: the moment; comparisons of one moment depend on each other. */
  readonly time: number
  /** Effect by its uncalibrated standard error. */
  readonly statistic: number
  /** Of the effect, on its scale. */
  readonly error: number
  /** Signed normal score by the forecast that a report would have used; null: it would have used the model. */
  readonly forecast: number | null
  /** Logarithm of the ratio that it would have seen; null: not on the log scale, or no forecast. */
  readonly reach: number | null
}

const NOMINAL = [0.05, 0.01, 0.001] as const
const RESAMPLES = 400
const SEED = 7
/** Smallest effect seen with power 0.8 at a two-sided 1 %. */
const REACH = normalUpperQuantile(0.005) + normalUpperQuantile(0.2)

/**
 * How often the comparisons of a service alarm at moments without releases, as a report makes them: gauges, latencies and frequent rates by their forecasts, which have seen
 * nothing but their past; the others calibrated by quiet moments, but each half of the moments by the other one, so that none judges itself.
 * @param before milliseconds
 */
export async function ownFalseAlarms(
  store: Store,
  catalogue: Catalogue,
  of: { readonly service: string; readonly environment: string },
  before: number,
): Promise<OwnFalseAlarms> {
  const rows = await store.query<QuietComparison>(
    `SELECT signal, toUnixTimestamp(time) AS time, statistic, standard_error AS error, forecast_score AS forecast, forecast_error AS reach
    FROM nulls FINAL
    WHERE service = {service:String} AND environment = {environment:String} AND signal != '' AND time >= toDateTime({from:UInt32})
    ORDER BY signal, dimension, time`,
    { ...of, from: Math.max(0, Math.floor(before / 1000) - NULL_DAYS * 86_400) },
  )
  const judged = crossCalibrated(rows)
  const bySignal = Map.groupBy(judged, ({ signal }) => signal)
  return {
    ...of,
    moments: new Set(rows.map(({ time }) => time)).size,
    comparisons: judged.length,
    all: alarmRates(judged),
    signals: catalogue.signals.flatMap((signal) => {
      const own = bySignal.get(signal.id)
      if (own === undefined) return []
      // A gauge's model may have been on a linear scale.
      const known = own.filter(({ forecast }) => forecast !== null || signal.kind !== 'gauge')
      const reaches = known.flatMap(reachOf).sort((a, b) => a - b)
      const median = reaches[Math.floor(reaches.length / 2)] ?? Number.POSITIVE_INFINITY
      return [
        {
          signal: signal.id,
          title: signal.title,
          kind: signal.kind,
          comparisons: own.length,
          forecasts: own.filter(({ forecast }) => forecast !== null).length,
          smallestSeen: median > 5 ? null : Math.exp(median),
          rates: alarmRates(own),
        },
      ]
    }),
  }
}

export interface Judged extends QuietComparison {
  /** Two-sided. */
  readonly p: number
  /** By which the other half widens the error. */
  readonly scale: number
}

function reachOf({ forecast, reach, error, scale }: Judged): number[] {
  if (forecast === null) return [error * scale * REACH]
  return reach === null ? [] : [reach]
}

/** Moments by turns into two halves; each comparison by model is calibrated by those of its signal in the other half. */
export function crossCalibrated(rows: readonly QuietComparison[]): readonly Judged[] {
  const times = [...new Set(rows.map(({ time }) => time))].sort((a, b) => a - b)
  const half = new Map(times.map((time, at) => [time, at % 2]))
  return [...Map.groupBy(rows, ({ signal }) => signal).values()].flatMap((own) => {
    const others = [0, 1].map((side) =>
      calibrate(own.filter(({ time }) => half.get(time) !== side).map(({ statistic }) => statistic)),
    )
    return own.flatMap((row) => {
      if (row.forecast !== null)
        return [{ ...row, p: Math.min(1, 2 * normalUpperTail(Math.abs(row.forecast))), scale: 1 }]
      const calibration = others[half.get(row.time) ?? 0]
      if (calibration === undefined || !Number.isFinite(row.statistic)) return []
      const p = 2 * calibratedUpperTail(Math.abs(row.statistic), calibration, normalUpperTail)
      return [{ ...row, p: Math.min(1, p), scale: calibration.scale }]
    })
  })
}

/** Shares of comparisons below each nominal p, with an upper limit by drawing whole moments. */
export function alarmRates(judged: readonly Judged[]): OwnFalseAlarms['all'] {
  const moments = [...Map.groupBy(judged, ({ time }) => time).values()]
  const random = seededRandom(SEED)
  return NOMINAL.map((nominal) => {
    const counts = moments.map((rows) => ({
      all: rows.length,
      alarms: rows.filter(({ p }) => p <= nominal).length,
    }))
    const share = rateOf(counts)
    const drawn = Array.from({ length: RESAMPLES }, () =>
      rateOf(counts.map(() => counts[Math.floor(random() * counts.length)] as (typeof counts)[number])),
    ).sort((a, b) => a - b)
    // A bootstrap of no alarm shows none: three by the number of moments is the limit then (rule of three).
    const upper = drawn[Math.floor(0.95 * RESAMPLES)] ?? 0
    return {
      nominal,
      share,
      upper95: share === 0 ? Math.min(1, 3 / Math.max(1, moments.length)) : Math.max(share, upper),
    }
  })
}

function rateOf(counts: readonly { readonly all: number; readonly alarms: number }[]): number {
  let all = 0
  let alarms = 0
  for (const count of counts) {
    all += count.all
    alarms += count.alarms
  }
  return all === 0 ? 0 : alarms / all
}
