import type { Cell } from '../../schemas/cell.ts'
import type { Catalogue } from '../../schemas/signals/catalogue.ts'
import type { Signal } from '../../schemas/signals/signal.ts'
import type { Store } from '../../schemas/store/client.ts'
import { type Aligned, align, countOf } from '../compare/align.ts'
import type { Past } from '../compare/comparison.ts'
import { minuteMeans } from '../compare/gauge.ts'
import { type CellRequest, loadCells } from '../queries/cells.ts'
import { mergeCells } from '../queries/merge-cells.ts'
import { exposureLine, signalLines, versionsOf } from '../queries/signal-lines.ts'
import { witness } from '../receipts/witness.ts'

/** Slots that a window after of the usual length is made of. */
const SLOTS = 12
/** Days of a series' own past that are looked at. */
export const PAST_DAYS = 42
const DAY = 86_400
/** Deployments whose past is kept at hand. */
const KEPT = 16

/**
 * Length of the slots in which the past is read, for windows after of a length: a twelfth in whole steps, or the next shorter one of which a day is made
 * up. All in seconds.
 */
export function slotLength(windowSeconds: number, step: number): number {
  const wanted = Math.max(1, Math.round(windowSeconds / SLOTS / step))
  for (let steps = wanted; steps > wanted / 2; steps--) if (DAY % (steps * step) === 0) return steps * step
  return wanted * step
}

/**
 * A series' own past up to a release.
 * @param cells of a step that the slots are made of, all versions together
 * @param exposure of a rate, likewise
 * @param step seconds that a cell spans
 * @param to seconds: the release, at the end of a slot
 * @param releases seconds: what else was released
 * @returns undefined where the signal's kind is not compared with forecasts, or nothing was seen
 */
export function pastOf(
  signal: Signal,
  cells: readonly Cell[],
  exposure: readonly Cell[],
  step: number,
  slotSeconds: number,
  to: number,
  releases: readonly number[],
): Past | undefined {
  const line = lineOf(signal, cells, exposure, step)
  if (line === undefined) return undefined
  return { line, to, slotSeconds, releases, ...(signal.kind === 'distribution' ? { logs: true } : {}) }
}

function lineOf(
  signal: Signal,
  cells: readonly Cell[],
  exposure: readonly Cell[],
  step: number,
): Aligned | undefined {
  switch (signal.kind) {
    case 'gauge':
      return minuteMeans(cells, step)
    case 'rate':
      return align({ cells, take: countOf }, { cells: exposure, take: countOf }, step)
    case 'distribution':
      return align(
        { cells, take: ({ sumLogs }) => sumLogs ?? Number.NEGATIVE_INFINITY },
        { cells, take: countOf },
        step,
      )
    case 'ratio':
      return undefined
  }
}

export type Pasts = (signal: Signal, dimension: string) => Past | undefined

export interface PastRequest {
  readonly service: string
  readonly environment: string
  /** Seconds: start of the release. */
  readonly startedAt: number
  readonly slotSeconds: number
  /** Seconds: starts of the service's other releases. */
  readonly releases: readonly number[]
}

export interface LoadedPasts {
  readonly of: Pasts
  /** Of all that was read for them (receipts/witness.ts). */
  readonly digest: string
}

/** A release is looked at each minute, and its past stays the same. */
const known = new WeakMap<Store, Map<string, Promise<LoadedPasts>>>()

/** The past of all series that are compared with forecasts: gauges, distributions and rates per minute. Two statements, the first time that a release is asked for. */
export function loadPasts(store: Store, catalogue: Catalogue, request: PastRequest): Promise<LoadedPasts> {
  const kept = known.get(store) ?? new Map<string, Promise<LoadedPasts>>()
  known.set(store, kept)
  const key = JSON.stringify(request)
  const found = kept.get(key)
  if (found !== undefined) return found
  const loading = read(store, catalogue, request)
  kept.set(key, loading)
  for (const old of [...kept.keys()].slice(0, -KEPT)) kept.delete(old)
  loading.catch(() => kept.delete(key))
  return loading
}

async function read(reading: Store, catalogue: Catalogue, request: PastRequest): Promise<LoadedPasts> {
  const { store, readings } = witness(reading)
  const { service, environment, startedAt, slotSeconds, releases } = request
  const pastsOf = await loadPastLines(store, catalogue, {
    service,
    environment,
    from: startedAt,
    to: startedAt,
    slotSeconds,
    releases,
  })
  return { of: pastsOf(startedAt), digest: readings().telemetry }
}

/** What is compared with forecasts. */
export function isForecast({ kind, per }: Signal): boolean {
  return kind === 'gauge' || kind === 'distribution' || per === 'minute'
}

/**
 * The pasts of a service at any moment of a span, read once.
 * @param of.from seconds: the first moment @param of.to the last one @param of.oneIn dimensions that are read, as in a CellRequest
 * @returns the past of a moment (seconds): nothing at or after it is in it
 */
export async function loadPastLines(
  store: Store,
  catalogue: Catalogue,
  of: Omit<PastRequest, 'startedAt'> & Pick<CellRequest, 'from' | 'to' | 'oneIn'>,
): Promise<(moment: number) => Pasts> {
  const { slotSeconds, releases } = of
  const slot = (seconds: number) => Math.floor(seconds / slotSeconds) * slotSeconds
  const signals = catalogue.signals.filter(isForecast)
  const to = slot(of.to)
  const set = await loadCells(store, catalogue, {
    service: of.service,
    environment: of.environment,
    from: slot(of.from) - PAST_DAYS * DAY,
    to,
    step: slotSeconds,
    signals,
    levels: true,
    ...(of.oneIn === undefined ? {} : { oneIn: of.oneIn }),
  })
  const bySignal = new Map(
    signals.map((signal) => {
      const versions = versionsOf(set, signal)
      const lines = signalLines(set, signal, versions)
      const exposure = exposureLine(set, signal, versions, slotSeconds)
      const past = (cells: readonly Cell[]): Past | undefined =>
        pastOf(signal, cells, exposure, slotSeconds, slotSeconds, to, releases)
      const pasts = new Map([...lines].map(([dimension, cells]) => [dimension, past(cells)]))
      // The service as a whole, as compare-signals.ts adds it up; of distributions it has a composition of its own (compare/standard-past.ts).
      if (lines.size > 0 && signal.kind !== 'distribution')
        pasts.set('', past(mergeCells([...lines.values()])))
      return [signal.id, pasts] as const
    }),
  )
  return (moment) => {
    // The same object each time: forecasts are kept by it (compare/forecast.ts).
    const made = new Map<Past, Past | undefined>()
    return (signal, dimension) => {
      const whole = bySignal.get(signal.id)?.get(dimension)
      if (whole === undefined) return undefined
      if (!made.has(whole)) made.set(whole, upTo(whole, slot(moment)))
      return made.get(whole)
    }
  }
}

/** The six weeks up to a moment. @param to seconds, at the end of a slot */
function upTo({ line, ...past }: Past, to: number): Past | undefined {
  const index = (seconds: number) =>
    Math.max(0, Math.min(line.numerator.length, Math.round((seconds - line.start) / line.step)))
  const [from, end] = [index(to - PAST_DAYS * DAY), index(to)]
  if (end <= from) return undefined
  return {
    ...past,
    to,
    line: {
      ...line,
      start: line.start + from * line.step,
      numerator: line.numerator.subarray(from, end),
      denominator: line.denominator.subarray(from, end),
    },
  }
}
