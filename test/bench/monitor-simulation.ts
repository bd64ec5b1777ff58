import { blameOf, EARLIER, type Place, placeMinutes } from '../../analytics/monitor/blame.ts'
import { DeploymentWatch } from '../../analytics/monitor/deployment-watch.ts'
import { reasonsOf } from '../../analytics/monitor/incident.ts'
import type { Level } from '../../analytics/monitor/level-evidence.ts'
import { undecidedAtEnd } from '../../analytics/monitor/watch-state.ts'
import { mergeCells } from '../../analytics/queries/merge-cells.ts'
import type { CellSet } from '../../analytics/queries/series-set.ts'
import { seededRandom } from '../../analytics/stats/random.ts'
import { configSchema } from '../../schemas/config.ts'
import { BUILT_IN_SIGNALS } from '../../schemas/signals/signals.ts'
import { SimulatedTraffic, simulateMinutes, type Trouble } from './monitor-traffic.ts'

const DAY = 86_400
const { falsePages } = configSchema.parse({}).monitor
const EPOCH = 1_800_000_000

/** A moment at another hour of another day for each seed. @returns seconds */
function momentOf(seed: number): number {
  return EPOCH + seed * 7 * 3600 + 30
}

function watchOf(traffic: SimulatedTraffic, minutes: number): { watch: DeploymentWatch; start: number } {
  const { service, startedAt, baseline, version } = traffic.of
  const start = Math.floor(startedAt / 60) * 60
  const before = simulateMinutes(traffic, start - DAY, start)
  const watch = new DeploymentWatch(
    { startedAt, minutes, warmUpMinutes: 5, alpha: falsePages },
    [{ service, relation: 'own', signals: BUILT_IN_SIGNALS, version, baseline }],
    new Map([[service, before]]),
  )
  return { watch, start }
}

export interface QuietOutcome {
  readonly deployments: number
  readonly paged: number
  readonly looks: number
  /** Of those that were not paged: shown at the end to be no worse. */
  readonly healthy: number
  /** Of those that were not paged, by critical signal: how many were not shown to be no worse. */
  readonly undecided: Readonly<Record<string, number>>
  /** What paged, for people. */
  readonly reasons: readonly string[]
}

/** Deployments that change nothing (a slow start apart), each looked at every minute for a day; a quarter run beside the old version. */
export function watchQuiet(
  deployments: number,
  firstSeed: number,
  minutes = 1440,
  storms: 'short' | 'long' = 'short',
): QuietOutcome {
  const reasons: string[] = []
  let looks = 0
  let healthy = 0
  const open: Record<string, number> = {}
  for (let i = 0; i < deployments; i++) {
    const seed = firstSeed + i
    const traffic = new SimulatedTraffic({
      seed,
      service: 's',
      startedAt: momentOf(seed),
      baseline: '1',
      version: '2',
      share: seed % 4 === 0 ? 0.5 : 1,
      storms,
    })
    const { watch, start } = watchOf(traffic, minutes)
    let paged = false
    for (let minute = 0; minute < minutes && !paged; minute++) {
      const time = start + minute * 60
      watch.take(new Map([['s', simulateMinutes(traffic, time, time + 60)]]), time, time + 60, time + 60)
      looks += 1
      const evidence = watch.evidence(time + 60)
      if (!evidence.crossed) continue
      paged = true
      const [first] = reasonsOf(evidence)
      reasons.push(
        `seed ${seed}, minute ${minute}: ${first?.signal} ${first?.dimension} ${first?.before} -> ${first?.after}`,
      )
    }
    if (paged) continue
    const titles = undecidedAtEnd(watch.evidence(start + minutes * 60))
    for (const title of titles) open[title] = (open[title] ?? 0) + 1
    if (titles.length === 0) healthy += 1
  }
  return { deployments, paged: reasons.length, looks, healthy, undecided: open, reasons }
}

const KINDS = ['old version', 'neighbour', 'host', 'callee'] as const

export interface ElsewhereOutcome {
  readonly incidents: number
  /** Of those, where nobody was told that the release did it. */
  readonly right: number
  /** Of those, where no incident was opened at all. */
  readonly silent: number
  readonly wrong: readonly string[]
}

/** Incidents that are not the release's: failures and slowness that begin some hours after it, and show on the old version, a neighbour, a host or a callee too. */
export function blameElsewhere(incidents: number, firstSeed: number): ElsewhereOutcome {
  let right = 0
  let silent = 0
  const wrong: string[] = []
  for (let i = 0; i < incidents; i++) {
    const seed = firstSeed + i
    const kind = KINDS[i % KINDS.length] as (typeof KINDS)[number]
    const random = seededRandom(seed ^ 0x5eed)
    const startedAt = momentOf(seed)
    const from = Math.floor(startedAt / 60) * 60 + 60 * Math.floor(360 * random())
    const trouble: Trouble = {
      from,
      to: from + DAY,
      failures: 3 + 5 * random(),
      slowness: 1.3 + random(),
      version: null,
    }
    const own = {
      seed,
      service: 's',
      startedAt,
      baseline: '1',
      version: '2',
      share: kind === 'old version' ? 0.5 : 1,
      trouble,
    }
    const traffic = new SimulatedTraffic(own)
    const other = new SimulatedTraffic({
      ...own,
      seed: seed + 1_000_000,
      service: 'other',
      version: '1',
      share: 1,
    })
    const outcome = watchTrouble(traffic, other, kind, trouble, random)
    if (outcome === null) silent += 1
    if (outcome === null || outcome.of !== 'release') right += 1
    else wrong.push(`seed ${seed}, ${kind}: ${outcome.summary}`)
  }
  return { incidents, right, silent, wrong }
}

const WATCHED_MINUTES = 30

function watchTrouble(
  traffic: SimulatedTraffic,
  other: SimulatedTraffic,
  kind: (typeof KINDS)[number],
  trouble: Trouble,
  random: () => number,
) {
  const { watch, start } = watchOf(traffic, 1440)
  const seen: CellSet[] = []
  const beside: CellSet[] = []
  // Somewhere else has been there all the time.
  simulateMinutes(other, trouble.from - 7200 - DAY / 4, trouble.from - 7200)
  beside.push(simulateMinutes(other, trouble.from - 7200, Math.max(start, trouble.from - 7200)))
  for (let time = start; time < trouble.from + WATCHED_MINUTES * 60; time += 60) {
    const cells = simulateMinutes(traffic, time, time + 60)
    seen.push(cells)
    if (time >= trouble.from - 7200) beside.push(simulateMinutes(other, time, time + 60))
    watch.take(new Map([['s', cells]]), time, time + 60, time + 60)
    const evidence = watch.evidence(time + 60)
    const [lead] = reasonsOf(evidence)
    if (lead === undefined) continue
    const now = time + 60
    const { service, version, startedAt } = traffic.of
    return blameOf({
      service,
      version,
      startedAt,
      lead,
      now,
      deployments: [],
      places: [
        placeOf(kind, kind === 'old version' ? seen : beside, traffic, lead.since, now, trouble, random),
      ],
    })
  }
  return null
}

function placeOf(
  kind: Place['kind'],
  sets: readonly CellSet[],
  traffic: SimulatedTraffic,
  since: number,
  now: number,
  trouble: Trouble,
  random: () => number,
): Place {
  const common = { kind, name: kind, deployment: null, loadedByRelease: false }
  if (kind === 'host') {
    const levels: Level[] = []
    for (let time = since - 7200; time < now; time += 60) {
      const load = 0.35 + 0.04 * Math.sin(time / 1500) + 0.05 * (random() - 0.5)
      levels.push({ time, mean: load * (time >= trouble.from ? 1.9 : 1) })
    }
    return { ...common, failed: [], slow: [], levels: new Map([['CPU of the host', levels]]) }
  }
  const wanted = kind === 'old version' ? traffic.of.baseline : undefined
  const cells = sets.flatMap((set) =>
    [...(set.get('server.request')?.values() ?? [])].flatMap((versions) =>
      [...versions].filter(([version]) => wanted === undefined || version === wanted).map(([, list]) => list),
    ),
  )
  return { ...common, ...placeMinutes(mergeCells(cells), since - EARLIER), levels: new Map() }
}
