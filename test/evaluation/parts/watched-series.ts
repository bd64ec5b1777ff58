/** A made series in the monitor's own watch of a deployment: cells in, evidence out. */
import { DeploymentWatch } from '../../../analytics/monitor/deployment-watch.ts'
import { isSound } from '../../../analytics/monitor/watch-state.ts'
import type { CellSet } from '../../../analytics/queries/series-set.ts'
import type { Cell } from '../../../schemas/cell.ts'
import type { Signal, SignalKind } from '../../../schemas/signals/signal.ts'
import { cell, type Shape, type Traffic } from '../made-traffic.ts'

export type Design = 'side-by-side' | 'before-after'

export interface World {
  readonly kind: SignalKind
  readonly design: Design
  readonly shape: Shape
  /** Events a minute and version; values a minute of a distribution; of no meaning for gauges. */
  readonly rate: number
  /** Days of history before. */
  readonly days: number
}

export const ALPHA = 0.01
export const DAY = 86_400
/** Midnight of some day. */
export const START = 20_000 * DAY
/** Of a watch. */
export const MINUTES = 1440
export const SMALLEST = 1.25

const OLD = 'old'
const NEW = 'new'
const MEASURE = 'made.event'
const REQUESTS = 'made.request'
const SERVICE = 'made'

/** One series while it is watched. */
export class Watched {
  readonly #watch: DeploymentWatch

  /** @param smallest ratio below which no change is evidence */
  constructor({ kind }: Pick<World, 'kind'>, before: Line, smallest: number) {
    const signal: Signal = {
      id: 'made.signal',
      title: 'Made',
      group: 'custom',
      unit: '1',
      kind,
      measures: [MEASURE],
      badDirection: 'up',
      smallestEffect: { ratio: smallest, absolute: 0 },
      criticality: 'critical',
      ...(kind === 'rate' ? { per: REQUESTS } : {}),
    }
    this.#watch = new DeploymentWatch(
      { startedAt: START, minutes: MINUTES, warmUpMinutes: 0, alpha: ALPHA },
      [{ service: SERVICE, relation: 'own', signals: [signal], version: NEW, baseline: OLD }],
      new Map([[SERVICE, setOf({ [OLD]: before })]]),
    )
  }

  /**
   * @param time seconds: the minute
   * @param after what the new version has had of it so far
   * @param complete the minute is over
   * @returns log e-value
   */
  look(time: number, after: Line, beside: Line, complete: boolean): number {
    const sets = new Map([[SERVICE, setOf({ [NEW]: after, [OLD]: beside })]])
    this.#watch.take(sets, time, complete ? time + 60 : time, time + 60)
    return this.#watch.evidence(time + 60).signals[0]?.logE ?? Number.NEGATIVE_INFINITY
  }

  /** Takes all minutes of the watch at once. @param to seconds: its end */
  end(after: Line, beside: Line, to: number): { readonly sound: boolean; readonly atAllLooks: boolean } {
    const sets = new Map([[SERVICE, setOf({ [NEW]: after, [OLD]: beside })]])
    this.#watch.take(sets, START, to, to)
    const [evidence] = this.#watch.evidence(to).signals
    if (evidence === undefined) return { sound: false, atAllLooks: false }
    return { sound: evidence.soundAtEnd && evidence.decided !== 'worse', atAllLooks: isSound(evidence) }
  }
}

function setOf(lines: Readonly<Record<string, Line>>): CellSet {
  const of = (cells: (line: Line) => readonly Cell[]) =>
    new Map([['', new Map(Object.entries(lines).map(([version, own]) => [version, cells(own)]))]])
  return new Map([
    [MEASURE, of(({ cells }) => cells)],
    [REQUESTS, of(({ exposure }) => exposure)],
  ])
}

export interface Line {
  readonly cells: Cell[]
  readonly exposure: Cell[]
}

export function line(world: World, traffic: Traffic, from: number, minutes: number, version: 0 | 1): Line {
  const cells: Cell[] = []
  const exposure: Cell[] = []
  for (let i = 0; i < minutes; i++) {
    addMinute(world, traffic, from + 60 * i, version, { cells, exposure })
    traffic.next()
  }
  return { cells, exposure }
}

/** Requests of which one in twenty, at most, is an event. */
export function requestsFor(rate: number): number {
  return Math.max(20, 20 * rate)
}

export function addMinute(world: World, traffic: Traffic, time: number, version: 0 | 1, into: Line): void {
  const { kind, rate, shape } = world
  if (kind === 'gauge') {
    const value = 100 * traffic.levelOf(version) * Math.exp(0.05 * traffic.normal())
    into.cells.push(cell(time, { count: 1, sum: value }))
    return
  }
  if (kind === 'distribution') {
    // Durations of a minute have something in common where traffic is bursty.
    const common = shape === 'bursty' ? Math.exp(0.1 * traffic.normal()) : 1
    const count = traffic.poisson(rate * traffic.traffic)
    const histogram = traffic.durations(count, 0.05 * traffic.levelOf(version) * common)
    if (count > 0) into.cells.push(cell(time, { count, histogram }))
    return
  }
  const requests = Math.round(requestsFor(rate) * traffic.traffic)
  const events = traffic.events(rate, version)
  if (kind === 'ratio') into.cells.push(cell(time, { count: requests, bad: Math.min(requests, events) }))
  else {
    if (events > 0) into.cells.push(cell(time, { count: events }))
    into.exposure.push(cell(time, { count: requests }))
  }
}
