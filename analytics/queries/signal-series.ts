import type { Cell } from '../../schemas/cell.ts'
import type { Catalogue } from '../../schemas/signals/catalogue.ts'
import type { Signal } from '../../schemas/signals/signal.ts'
import type { Store } from '../../schemas/store/client.ts'
import { loadCells } from './cells.ts'
import { mergeCells } from './merge-cells.ts'
import type { CellSet } from './series-set.ts'
import { exposureLine, signalLines, versionsOf } from './signal-lines.ts'
import { type SignalValue, signalValue } from './signal-value.ts'

export interface SignalSeriesRequest {
  readonly service: string
  readonly environment: string
  /** Id in the catalogue. */
  readonly signal: string
  /** '' or absent: the service as a whole. */
  readonly dimension?: string
  /** Milliseconds since the epoch. */
  readonly from: number
  readonly to: number
  /** True: one line a version; false: all versions together. */
  readonly byVersion: boolean
  /** Seconds between points; default: a minute, or as many as keep a line under 400 points. */
  readonly stepSeconds?: number
}

export interface SignalPoint extends SignalValue {
  /** Start of the step, ISO 8601. */
  readonly time: string
}

export interface SignalSeries {
  readonly signal: string
  readonly dimension: string
  readonly unit: string
  readonly stepSeconds: number
  /** Oldest point first; `version` is null for all versions together. */
  readonly lines: readonly { readonly version: string | null; readonly points: readonly SignalPoint[] }[]
}

const MOST_POINTS = 400
const STEPS = [60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400]

/**
 * A signal over time, for charts; steps without any event are left out.
 * @throws PostflightError SIGNAL_NOT_FOUND
 */
export async function signalSeries(
  store: Store,
  catalogue: Catalogue,
  request: SignalSeriesRequest,
): Promise<SignalSeries> {
  const signal = catalogue.signal(request.signal)
  const dimension = request.dimension ?? ''
  const from = request.from / 1000
  const to = request.to / 1000
  const step = request.stepSeconds ?? STEPS.find((size) => (to - from) / size <= MOST_POINTS) ?? 86_400
  const set = await loadCells(store, catalogue, {
    service: request.service,
    environment: request.environment,
    from,
    to,
    step,
    signals: [signal],
    flat: dimension === '',
  })
  const versions = versionsOf(set, signal)
  const groups = request.byVersion ? versions.map((version) => [version]) : [versions]
  const lines = groups
    .map((group) => ({
      version: request.byVersion ? (group[0] ?? null) : null,
      points: signalPoints(set, signal, group, dimension, step),
    }))
    .filter((line) => line.points.length > 0)
    .sort((a, b) => (a.points[0]?.time ?? '').localeCompare(b.points[0]?.time ?? ''))
  return { signal: signal.id, dimension, unit: signal.unit, stepSeconds: step, lines }
}

/** A signal's values from cells that were read, oldest first; steps without any event are left out. */
export function signalPoints(
  set: CellSet,
  signal: Signal,
  versions: readonly string[],
  dimension: string,
  step: number,
): readonly SignalPoint[] {
  const cells = lineOf(set, signal, versions, dimension)
  const exposure = new Map(exposureLine(set, signal, versions, step).map((cell) => [cell.time, cell.count]))
  // A rate's line has a point wherever there was exposure: no event then is a zero, not a gap.
  const times = signal.kind === 'rate' ? [...exposure.keys()] : cells.map((cell) => cell.time)
  const byTime = new Map(cells.map((cell) => [cell.time, cell]))
  return [...new Set(times)]
    .sort((a, b) => a - b)
    .map((time) => ({
      time: new Date(time * 1000).toISOString(),
      ...signalValue(signal, byTime.get(time), exposure.get(time) ?? 0),
    }))
}

function lineOf(
  set: CellSet,
  signal: Signal,
  versions: readonly string[],
  dimension: string,
): readonly Cell[] {
  const lines = signalLines(set, signal, versions)
  if (dimension !== '') return lines.get(dimension) ?? []
  return lines.size === 0 ? [] : mergeCells([...lines.values()])
}
