import type { Catalogue } from '../../schemas/signals/catalogue.ts'
import type { Store } from '../../schemas/store/client.ts'
import { allDeployments } from '../releases/stored-deployments.ts'
import { trendBounds } from './trend-bounds.ts'

export interface TrendPoint {
  readonly deploymentId: string
  readonly version: string
  /** ISO 8601. */
  readonly startedAt: string
  /** The signal after the deployment (a distribution's p95), with its interval (that of the comparison, laid around the value before); null where unknown. */
  readonly value: number | null
  readonly low: number | null
  readonly high: number | null
  /** What it was just before. */
  readonly before: number | null
  readonly word: string
  readonly count: number
}

export interface SignalTrend {
  readonly signal: string
  readonly dimension: string
  readonly unit: string
  /** Oldest deployment first. */
  readonly points: readonly TrendPoint[]
}

interface Row {
  deployment_id: string
  version: string
  word: string
  effect_ratio: number | null
  low: number | null
  high: number | null
  before_value: number | null
  after_value: number | null
  after_count: number
  interval_of: string
  quantiles: string
}

/**
 * A signal release by release, as the reports measured it.
 * @param dimension '' for the service as a whole
 * @throws PostflightError SIGNAL_NOT_FOUND
 */
export async function signalTrend(
  store: Store,
  catalogue: Catalogue,
  service: string,
  environment: string,
  signal: string,
  dimension: string,
): Promise<SignalTrend> {
  const { unit, kind } = catalogue.signal(signal)
  const [deployments, rows] = await Promise.all([
    allDeployments(store, { service, environment }),
    store.query<Row>(
      `SELECT deployment_id, version, word, effect_ratio, interval_low AS low, interval_high AS high, before_value, after_value,
        after_count, JSONExtractString(verdict_json, 'intervalOf') AS interval_of, JSONExtractRaw(verdict_json, 'quantiles') AS quantiles
      FROM verdicts FINAL
      WHERE service = {service:String} AND environment = {environment:String} AND signal = {signal:String} AND dimension = {dimension:String}`,
      { service, environment, signal, dimension },
    ),
  ])
  const byId = new Map(rows.map((row) => [row.deployment_id, row]))
  const points = deployments.flatMap((deployment) => {
    const row = byId.get(deployment.id)
    if (row === undefined) return []
    const [low, high] = trendBounds({
      kind,
      before: row.before_value,
      interval: [row.low, row.high],
      isRatio: row.interval_of === 'ratio',
      quantiles: row.quantiles === '' ? [] : JSON.parse(row.quantiles),
    })
    return [
      {
        deploymentId: deployment.id,
        version: deployment.version,
        startedAt: deployment.startedAt,
        value: row.after_value,
        low,
        high,
        before: row.before_value,
        word: row.word,
        count: row.after_count,
      },
    ]
  })
  return { signal, dimension, unit, points }
}
