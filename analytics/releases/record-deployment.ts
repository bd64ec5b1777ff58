import type { Deployment, NewDeployment } from '../../schemas/contracts/deployment.ts'
import type { Store } from '../../schemas/store/client.ts'
import { inTurn } from './in-turn.ts'
import { begunBefore, type DeploymentNews, type Merged, mergeNews } from './merge-news.ts'
import { isBesideAnother } from './presences.ts'
import { allDeployments, storeDeployments } from './stored-deployments.ts'

/**
 * Records what a pipeline tells. Idempotent: the same service, environment, version and start is one deployment, as is one without
 * a start that was told, or seen in the telemetry, less than half an hour ago, or up to two hours ago and is still being rolled out beside another
 * version. A start that lies further back is of what telemetry has shown since.
 * @param clock milliseconds since the epoch
 */
export async function recordDeployment(
  store: Store,
  told: NewDeployment,
  clock: () => number,
): Promise<Deployment> {
  const startedAt = told.startedAt === undefined ? null : new Date(told.startedAt).toISOString()
  const { deployment } = await recordNews(
    store,
    {
      service: told.service,
      environment: told.environment,
      version: told.version,
      finishedAt: told.finishedAt ?? null,
      attributes: told.attributes,
      isRollback: false,
      source: {
        kind: 'api',
        id: told.status,
        deployment: null,
        at: new Date(clock()).toISOString(),
        startedAt,
        status: told.status,
        version: told.version,
        link: null,
      },
    },
    clock,
  )
  return deployment
}

/** Records news of a deployment, whoever tells. @param clock milliseconds since the epoch */
export async function recordNews(store: Store, news: DeploymentNews, clock: () => number): Promise<Merged> {
  return await inTurn(store, async () => {
    const { service, environment } = news
    const of = { service, environment }
    const known = await allDeployments(store, of)
    const begun = begunBefore(known, news)
    const at = Date.parse(news.source.startedAt ?? news.source.at)
    const isRollingOut = begun !== undefined && (await isBesideAnother(store, of, begun.version, at))
    const merged = mergeNews(known, news, isRollingOut ? begun : undefined)
    await storeDeployments(store, merged.changed, clock())
    return merged
  })
}

/** Notes on the newest deployment that the service was removed from the environment; nothing is known of one that nobody deployed. */
export async function recordRemoval(
  store: Store,
  of: { readonly service: string; readonly environment: string },
  at: string,
  clock: () => number,
): Promise<{ readonly deployment: Deployment | undefined; readonly changed: readonly Deployment[] }> {
  return await inTurn(store, async () => {
    const newest = (await allDeployments(store, of)).findLast(({ startedAt }) => startedAt <= at)
    if (newest === undefined || newest.attributes['removedAt'] === at)
      return { deployment: newest, changed: [] }
    const deployment = { ...newest, attributes: { ...newest.attributes, removedAt: at } }
    await storeDeployments(store, [deployment], clock())
    return { deployment, changed: [deployment] }
  })
}
