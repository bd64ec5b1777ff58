import { neighbourOfDimension } from '../../analytics/jobs/neighbours.ts'
import { sourceOfDimension } from '../../analytics/jobs/shared-sources.ts'
import { type SignalSeries, signalSeries } from '../../analytics/queries/signal-series.ts'
import type { Series, SeriesLine } from '../../schemas/contracts/series.ts'
import type { Signal } from '../../schemas/signals/signal.ts'
import type { ApiContext } from '../context.ts'

/** The moments and versions of a deployment that a chart is drawn around. */
export interface AroundDeployment {
  readonly deploymentId: string
  readonly service: string
  readonly environment: string
  readonly version: string
  readonly baselineVersion: string | null
  /** ISO 8601. */
  readonly startedAt: string
  readonly from: string
  readonly to: string
}

/** Lines that a chart can still tell apart. */
const MOST_VERSIONS = 6

/** A signal around a deployment, a line a version (for distributions p50 and p95 and p99). */
export async function readSeries(
  context: Pick<ApiContext, 'store' | 'catalogue' | 'config'>,
  around: AroundDeployment,
  signalId: string,
  dimension: string,
): Promise<Series> {
  const signal = context.catalogue.signal(signalId)
  const shared =
    sourceOfDimension(context.config.collectors, around, dimension) ?? neighbourOfDimension(dimension)
  const read = await signalSeries(context.store, context.catalogue, {
    service: shared?.source ?? around.service,
    environment: around.environment,
    signal: signalId,
    dimension: shared?.dimension ?? dimension,
    from: Date.parse(around.from),
    to: Date.parse(around.to),
    byVersion: shared === undefined,
  })
  const found = shared === undefined ? read : { ...read, lines: dividedByTime(read, around) }
  const times = new Set<number>()
  const serving = await servedWithout(context, around, signal, found)
  const versions = [...found.lines, ...serving]
    .map((line) => ({
      version: line.version ?? 'unknown',
      points: new Map(line.points.map((point) => [Date.parse(point.time) / 1000, point])),
    }))
    .sort((a, b) => rank(a.version) - rank(b.version) || b.points.size - a.points.size)
    .slice(0, MOST_VERSIONS)
  for (const line of versions) for (const time of line.points.keys()) times.add(time)
  const axis = [...times].sort((a, b) => a - b)
  const quantiles = signal.kind === 'distribution'
  return {
    deploymentId: around.deploymentId,
    signal: signalId,
    title: signal.title,
    unit: signal.unit,
    kind: signal.kind,
    dimension,
    deployedAt: around.startedAt,
    from: around.from,
    to: around.to,
    step: found.stepSeconds,
    times: axis,
    lines: versions.flatMap(({ version, points }): SeriesLine[] => {
      const role = roleOf(version)
      if (!quantiles) {
        return [
          {
            version,
            role,
            statistic: 'value' as const,
            values: axis.map((time) => points.get(time)?.value ?? null),
          },
        ]
      }
      return (['p50', 'p95', 'p99'] as const).map((statistic) => ({
        version,
        role,
        statistic,
        values: axis.map((time) => points.get(time)?.quantiles?.[statistic] ?? null),
      }))
    }),
  }

  function roleOf(version: string): 'before' | 'after' | 'other' {
    if (version === around.version) return 'after'
    return version === around.baselineVersion ? 'before' : 'other'
  }
  function rank(version: string): number {
    return { before: 0, after: 1, other: 2 }[roleOf(version)]
  }
}

/** What has no version of the service belongs to the one that was deployed last. */
function dividedByTime(found: SignalSeries, around: AroundDeployment): SignalSeries['lines'] {
  const start = new Date(around.startedAt).toISOString()
  const points = found.lines.flatMap((line) => line.points)
  return [
    { version: around.baselineVersion, points: points.filter(({ time }) => time < start) },
    { version: around.version, points: points.filter(({ time }) => time >= start) },
  ].filter((line) => line.points.length > 0)
}

/**
 * A version without any event of a rate has no line; where it served requests, that is a line of zeros: the exception that was not there before.
 */
async function servedWithout(
  context: Pick<ApiContext, 'store' | 'catalogue'>,
  around: AroundDeployment,
  signal: Signal,
  found: SignalSeries,
): Promise<SignalSeries['lines']> {
  if (signal.kind !== 'rate' || signal.per !== 'server.request') return []
  const missing = [around.baselineVersion, around.version].filter(
    (version) => version !== null && !found.lines.some((line) => line.version === version),
  )
  if (missing.length === 0) return []
  const requests = await signalSeries(context.store, context.catalogue, {
    service: around.service,
    environment: around.environment,
    signal: 'traffic.requests',
    from: Date.parse(around.from),
    to: Date.parse(around.to),
    byVersion: true,
    stepSeconds: found.stepSeconds,
  })
  return requests.lines
    .filter((line) => missing.includes(line.version))
    .map((line) => ({ version: line.version, points: line.points.map((point) => ({ ...point, value: 0 })) }))
}
