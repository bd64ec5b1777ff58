import type { Cell } from '../../schemas/cell.ts'
import { type CollectorSettings, sharedSources } from '../../schemas/collectors.ts'
import type { Deployment } from '../../schemas/contracts/deployment.ts'
import type { Catalogue } from '../../schemas/signals/catalogue.ts'
import { OTHER } from '../../schemas/signals/other.ts'
import type { Signal } from '../../schemas/signals/signal.ts'
import type { Store } from '../../schemas/store/client.ts'
import { loadCellsOf } from '../queries/cells.ts'
import { mergeCells } from '../queries/merge-cells.ts'
import type { CellSet } from '../queries/series-set.ts'
import type { Relations } from '../releases/relations.ts'
import { EARLIER, type OtherDeployment, type Place, placeMinutes } from './blame.ts'
import type { Level } from './level-evidence.ts'
import type { WatchEvidence } from './watch-evidence.ts'

export interface PlacesInput {
  readonly deployment: Deployment
  readonly baseline: string | null
  readonly relations: Relations
  readonly evidence: WatchEvidence
  readonly others: readonly OtherDeployment[]
  readonly collectors: CollectorSettings
  /** Seconds: when the incident began, and now. */
  readonly since: number
  readonly now: number
}

/** Seconds before an incident from which places are known as they usually are. */
const BEFORE = 7200
const MOST_NEIGHBOURS = 40
/** Instances of a version that are told apart: those with most failures and requests. */
const MOST_INSTANCES = 200
/** Calls per request (CPU) by so much more is the release's doing. */
const ASKS_MORE = 1.3
const NO_LEVELS: Place['levels'] = new Map()

/** Reads where else an incident may show: what runs beside the release, what it depends on, and who has nothing to do with it. */
export async function loadPlaces(
  store: Store,
  catalogue: Catalogue,
  input: PlacesInput,
): Promise<readonly Place[]> {
  const { deployment, relations, since, now } = input
  const { service, environment } = deployment
  const window = { environment, from: since - BEFORE, to: now }
  const sources = sharedSources(input.collectors, deployment).map(({ name }) => name)
  const neighbours = await recentServices(store, environment, now)
  const others = [...new Set([...relations.callees, ...neighbours])].filter(
    (name) => name !== service && !sources.includes(name),
  )
  const wanted = (ids: readonly string[]) => catalogue.signals.filter(({ id }) => ids.includes(id))
  const requests = wanted(['errors.server', 'latency.server'])
  const [own, elsewhere, shared, instances] = await Promise.all([
    loadCellsOf(store, catalogue, [service], {
      ...window,
      signals: wanted([
        'errors.server',
        'latency.server',
        'errors.client',
        'latency.client',
        'db.duration',
        'db.errors',
        'db.calls',
      ]),
    }),
    loadCellsOf(store, catalogue, others, { ...window, signals: requests, flat: true }),
    sources.length === 0
      ? new Map<string, CellSet>()
      : loadCellsOf(store, catalogue, sources, {
          ...window,
          signals: catalogue.signals.filter(isShared),
          histograms: false,
        }),
    loadInstances(store, deployment, since, now),
  ])
  const set = own.get(service) ?? new Map()
  const deployed = (name: string) => input.others.find((other) => other.service === name) ?? null
  const risen = asksMore(set, input)
  const places: Place[] = []
  const put = (kind: Place['kind'], name: string, cells: readonly Cell[], loadedByRelease = false) => {
    if (cells.length > 0) {
      const minutes = placeMinutes(cells, since - EARLIER)
      places.push({ kind, name, ...minutes, levels: NO_LEVELS, deployment: deployed(name), loadedByRelease })
    }
  }
  if (input.baseline !== null && input.baseline !== deployment.version)
    put(
      'old version',
      input.baseline,
      cellsOf(set, 'server.request', (version) => version === input.baseline),
    )
  for (const [name, cells] of elsewhere) {
    const all = cellsOf(cells, 'server.request')
    if (relations.callees.includes(name)) put('callee', name, all, risen.calls)
    else if (!relations.callers.includes(name)) put('neighbour', name, all)
  }
  for (const [peer, versions] of set.get('client.request') ?? []) {
    // What answers for itself is heard there; of the others, only what the old version still asks says anything.
    if (others.includes(peer) || peer === '' || input.baseline === null) continue
    put('dependency', peer, versions.get(input.baseline) ?? [], risen.calls)
  }
  for (const [name, cells] of shared) {
    const levels = levelsOf(cells, catalogue.signals.filter(isShared))
    const host = [...cells.keys()].some((measure) => measure.startsWith('host.'))
    places.push({
      kind: host ? 'host' : 'dependency',
      name,
      failed: [],
      slow: [],
      levels,
      deployment: deployed(name),
      loadedByRelease: host ? risen.cpu : risen.database,
    })
  }
  return [...places, ...instances]
}

/** Signals by which a database or a host shows that it is in trouble. */
function isShared(signal: Signal): boolean {
  return (
    signal.kind === 'gauge' &&
    signal.badDirection === 'up' &&
    (signal.group === 'host' || signal.group === 'database')
  )
}

/** Whether the release asks more of others than before. */
function asksMore(
  set: CellSet,
  input: PlacesInput,
): { readonly calls: boolean; readonly database: boolean; readonly cpu: boolean } {
  const risen = (...signals: readonly string[]) =>
    input.evidence.signals.some(
      (one) =>
        one.relation === 'own' &&
        signals.includes(one.signal) &&
        one.logE > Math.log(20) &&
        (one.ratio ?? ASKS_MORE) >= ASKS_MORE,
    )
  const calls = (version: string, from: number, to: number) => {
    const count = (measure: string) =>
      cellsOf(set, measure, (other) => other === version)
        .filter(({ time }) => time >= from && time < to)
        .reduce((sum, cell) => sum + cell.count, 0)
    const requests = count('server.request')
    return requests === 0 ? 0 : count('client.request') / requests
  }
  const before = calls(input.baseline ?? input.deployment.version, input.since - BEFORE, input.since - 60)
  const after = calls(input.deployment.version, input.since, input.now)
  return {
    calls: before > 0 && after >= ASKS_MORE * before,
    database: risen('db.calls'),
    cpu: risen('runtime.cpu', 'runtime.cpu_time'),
  }
}

async function recentServices(store: Store, environment: string, now: number): Promise<readonly string[]> {
  const rows = await store.query<{ service: string }>(
    `SELECT service FROM version_1h WHERE environment = {environment:String} AND time >= toDateTime({from:UInt32})
    GROUP BY service ORDER BY sum(count) DESC LIMIT ${MOST_NEIGHBOURS}`,
    { environment, from: Math.floor(now) - 3 * 3600 },
  )
  return rows.map((row) => row.service)
}

function cellsOf(
  set: CellSet,
  measure: string,
  wanted: (version: string) => boolean = () => true,
): readonly Cell[] {
  const lines: (readonly Cell[])[] = []
  for (const versions of set.get(measure)?.values() ?? []) {
    for (const [version, cells] of versions) if (wanted(version)) lines.push(cells)
  }
  return mergeCells(lines)
}

function levelsOf(set: CellSet, signals: readonly Signal[]): ReadonlyMap<string, readonly Level[]> {
  const levels = new Map<string, readonly Level[]>()
  for (const signal of signals) {
    for (const measure of signal.measures) {
      for (const [dimension, versions] of set.get(measure) ?? []) {
        const cells = mergeCells([...versions.values()]).filter((cell) => cell.count > 0)
        if (cells.length > 0)
          levels.set(
            dimension === '' ? signal.title : `${signal.title} (${dimension})`,
            cells.map((cell) => ({ time: cell.time, mean: cell.sum / cell.count })),
          )
      }
    }
  }
  return levels
}

/** The instances of the version that is judged, those that are not told apart as one; slow is what takes longer than 95 % of all of them together used to. */
async function loadInstances(
  store: Store,
  { service, environment, version }: Deployment,
  since: number,
  now: number,
): Promise<readonly Place[]> {
  const where = `service = {service:String} AND environment = {environment:String} AND version = {version:String} AND measure = 'server.request' AND traffic = 'users'
        AND time >= toDateTime({from:UInt32}) AND time < toDateTime({to:UInt32})`
  const named = `SELECT instance FROM signal_1m WHERE ${where} GROUP BY instance ORDER BY sum(bad) DESC, sum(count) DESC, instance LIMIT ${MOST_INSTANCES}`
  const rows = await store.query<{
    instance: string
    times: number[]
    counts: number[]
    bads: number[]
    buckets: number[][]
    numbers: number[][]
  }>(
    `SELECT instance, groupArray(t) AS times, groupArray(c) AS counts, groupArray(b) AS bads, groupArray(mapKeys(h)) AS buckets, groupArray(mapValues(h)) AS numbers
    FROM (
      SELECT if(cells.instance IN (${named}), toString(cells.instance), {other:String}) AS instance, toUnixTimestamp(time) AS t, sum(count) AS c, sum(bad) AS b, sumMap(histogram) AS h
      FROM signal_1m AS cells
      WHERE ${where}
      GROUP BY instance, t ORDER BY instance, t
    )
    GROUP BY instance`,
    {
      service,
      environment,
      version,
      other: OTHER,
      from: Math.max(0, Math.floor(since - 1800)),
      to: Math.ceil(now),
    },
  )
  return rows.map((row) => {
    const cells = row.times.map((time, at) => ({
      time,
      count: row.counts[at] ?? 0,
      bad: row.bads[at] ?? 0,
      sum: 0,
      sumSquares: 0,
      min: 0,
      max: 0,
      histogram: new Map((row.buckets[at] ?? []).map((bucket, i) => [bucket, row.numbers[at]?.[i] ?? 0])),
    }))
    return {
      kind: 'instance' as const,
      name: row.instance,
      ...placeMinutes(cells, since - 60),
      levels: NO_LEVELS,
      deployment: null,
      loadedByRelease: false,
    }
  })
}
