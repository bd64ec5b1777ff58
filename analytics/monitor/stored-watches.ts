import { createHash } from 'node:crypto'
import type { Watch, WatchEvent } from '../../schemas/contracts/watch.ts'
import type { Store } from '../../schemas/store/client.ts'

/** Writes watches as they now are; the newest row of a deployment is the one that counts. */
export async function storeWatches(store: Store, watches: readonly Watch[]): Promise<void> {
  await store.insert(
    'watches',
    watches.map((watch) => ({
      deployment_id: watch.deploymentId,
      service: watch.service,
      environment: watch.environment,
      version: watch.version,
      state: watch.state,
      opened_at: watch.openedAt,
      closes_at: watch.closesAt,
      looked_at: watch.lookedAt,
      watch_json: JSON.stringify(watch),
    })),
  )
}

/** Watches of these deployments, by id. */
export async function readWatches(
  store: Store,
  deploymentIds: readonly string[],
): Promise<ReadonlyMap<string, Watch>> {
  if (deploymentIds.length === 0) return new Map()
  const rows = await store.query<{ watch_json: string }>(
    'SELECT watch_json FROM watches FINAL WHERE deployment_id IN ({ids:Array(String)})',
    { ids: deploymentIds },
  )
  return new Map(
    rows.map((row) => {
      const watch = JSON.parse(row.watch_json) as Watch
      return [watch.deploymentId, watch]
    }),
  )
}

/** Deployments whose watch had not ended when it was last looked at, whoever looked. @param since milliseconds: those that began later */
export async function readUnendedWatches(store: Store, since: number): Promise<ReadonlySet<string>> {
  const rows = await store.query<{ deployment_id: string }>(
    `SELECT deployment_id FROM watches FINAL
    WHERE state IN ('watching', 'regressed', 'no_data') AND looked_at < closes_at AND opened_at > fromUnixTimestamp64Milli({since:Int64})`,
    { since },
  )
  return new Set(rows.map(({ deployment_id }) => deployment_id))
}

/** The same for the same thing of the same deployment, whoever sees it and how often. @param what tells apart what may happen several times */
export function watchEventId(deploymentId: string, kind: WatchEvent['kind'], what: string | number): string {
  return createHash('sha256')
    .update(JSON.stringify([deploymentId, kind, what]))
    .digest('hex')
    .slice(0, 20)
}

/** Writes what is not written yet: what an earlier process has told keeps its moment. */
export async function storeWatchEvents(store: Store, events: readonly WatchEvent[]): Promise<void> {
  if (events.length === 0) return
  const rows = await store.query<{ deployment_id: string; id: string }>(
    'SELECT deployment_id, id FROM watch_events WHERE deployment_id IN ({deployments:Array(String)}) AND id IN ({ids:Array(String)})',
    { deployments: [...new Set(events.map((event) => event.deploymentId))], ids: events.map(({ id }) => id) },
  )
  const told = new Set(rows.map(({ deployment_id, id }) => `${deployment_id} ${id}`))
  const fresh = events.filter(({ deploymentId, id }) => !told.has(`${deploymentId} ${id}`))
  await store.insert(
    'watch_events',
    fresh.map((event) => ({
      deployment_id: event.deploymentId,
      id: event.id,
      at: event.at,
      kind: event.kind,
      summary: event.summary,
      evidence_json: JSON.stringify(event.signals),
    })),
  )
}

/** What happened in a watch, oldest first. */
export async function readWatchEvents(store: Store, deploymentId: string): Promise<readonly WatchEvent[]> {
  const rows = await store.query<{
    id: string
    at: number
    kind: WatchEvent['kind']
    summary: string
    evidence: string
  }>(
    `SELECT id, toUnixTimestamp64Milli(at) AS at, kind, summary, evidence_json AS evidence
    FROM watch_events FINAL WHERE deployment_id = {id:String} ORDER BY watch_events.at, id`,
    { id: deploymentId },
  )
  return rows.map(({ id, at, kind, summary, evidence }) => ({
    id,
    deploymentId,
    at: new Date(at).toISOString(),
    kind,
    summary,
    signals: JSON.parse(evidence) as WatchEvent['signals'],
  }))
}
