import type { Cell } from '../../schemas/cell.ts'
import type { Catalogue } from '../../schemas/signals/catalogue.ts'
import type { Signal } from '../../schemas/signals/signal.ts'
import type { Store } from '../../schemas/store/client.ts'
import { type Aligned, align, countOf } from '../compare/align.ts'
import type { Past } from '../compare/comparison.ts'
import { minuteMeans } from '../compare/gauge.ts'
import { type LevelLine, levelLines } from '../queries/level-lines.ts'
import { loadLevels } from '../queries/levels.ts'
import { digestRows } from '../receipts/digest.ts'

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
 * A series' own past up to a release, of cells that are at hand.
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
  return line === undefined ? undefined : withLine(signal, line, { to, slotSeconds, releases })
}

function withLine(
  { kind }: Signal,
  line: Aligned,
  of: Pick<Past, 'to' | 'slotSeconds'> & Required<Pick<Past, 'releases'>>,
): Past {
  return { line, ...of, ...(kind === 'distribution' ? { logs: true } : {}) }
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
  /** Of all of them: what a receipt has of the six weeks. */
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

async function read(store: Store, catalogue: Catalogue, request: PastRequest): Promise<LoadedPasts> {
  const { startedAt, ...of } = request
  const whole = await readPasts(store, catalogue, { ...of, from: startedAt, to: startedAt })
  return { of: pastsAt(whole, startedAt), digest: digestOf(whole) }
}

/** Two readings of the same levels have the same digest (receipts/digest.ts). */
function digestOf(whole: WholePasts): string {
  return digestRows(
    [...whole].flatMap(([signal, pasts]) =>
      [...pasts].map(([dimension, { line }]) => ({ signal, dimension, ...line })),
    ),
  )
}

/** What is compared with forecasts. */
export function isForecast({ kind, per }: Signal): boolean {
  return kind === 'gauge' || kind === 'distribution' || per === 'minute'
}

interface SpanRequest extends Omit<PastRequest, 'startedAt'> {
  /** Seconds: the first moment and the last one. */
  readonly from: number
  readonly to: number
  /** Dimensions that are read, as in a CellRequest. */
  readonly oneIn?: number
}

/**
 * The pasts of a service at any moment of a span, read once.
 * @returns the past of a moment (seconds): nothing at or after it is in it
 */
export async function loadPastLines(
  store: Store,
  catalogue: Catalogue,
  of: SpanRequest,
): Promise<(moment: number) => Pasts> {
  const whole = await readPasts(store, catalogue, of)
  return (moment) => pastsAt(whole, moment)
}

/** By signal, then dimension. */
type WholePasts = ReadonlyMap<string, ReadonlyMap<string, Past>>

async function readPasts(
  store: Store,
  catalogue: Catalogue,
  { slotSeconds: step, releases, ...of }: SpanRequest,
): Promise<WholePasts> {
  const signals = catalogue.signals.filter(isForecast)
  const to = floorTo(of.to, step)
  const from = Math.max(0, floorTo(of.from, step) - PAST_DAYS * DAY)
  const set = await loadLevels(store, catalogue, { ...of, from, to, step, signals })
  const start = floorTo(from, step)
  const slots = Math.ceil((to - start) / step)
  return new Map(
    signals.map((signal) => [
      signal.id,
      new Map(
        [...levelLines(set, signal, { slots, step })].flatMap(([dimension, line]) => {
          const seen = seenOf(line, start, step)
          return seen === undefined
            ? []
            : [[dimension, withLine(signal, seen, { to, slotSeconds: step, releases })] as const]
        }),
      ),
    ]),
  )
}

/** From the first to the last slot in which anything was seen. @returns undefined without any */
function seenOf({ numerator, denominator }: LevelLine, start: number, step: number): Aligned | undefined {
  const first = denominator.findIndex((value) => value !== 0)
  if (first < 0) return undefined
  const end = denominator.findLastIndex((value) => value !== 0) + 1
  return {
    numerator: numerator.subarray(first, end),
    denominator: denominator.subarray(first, end),
    start: start + first * step,
    step,
  }
}

function pastsAt(whole: WholePasts, moment: number): Pasts {
  // The same object each time: forecasts are kept by it (compare/forecast.ts).
  const made = new Map<Past, Past | undefined>()
  return (signal, dimension) => {
    const past = whole.get(signal.id)?.get(dimension)
    if (past === undefined) return undefined
    if (!made.has(past)) made.set(past, upTo(past, floorTo(moment, past.slotSeconds)))
    return made.get(past)
  }
}

function floorTo(seconds: number, step: number): number {
  return Math.floor(seconds / step) * step
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
