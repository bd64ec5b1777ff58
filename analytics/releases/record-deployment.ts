import type { Deployment, NewDeployment } from '../../schemas/contracts/deployment.ts'
import type { Store } from '../../schemas/store/client.ts'
import { allDeployments, deploymentId, storeDeployments } from './stored-deployments.ts'

/** A pipeline that tells the same deployment twice (start and end, or a retry) means one, when it does so within this time. */
export const SAME_DEPLOYMENT_MS = 30 * 60_000

/**
 * Records what a pipeline tells. Idempotent: the same service, environment, version and start is one deployment, as is one without
 * a start that was told, or seen in the telemetry, less than half an hour ago; its later news replaces the earlier.
 * @param clock milliseconds since the epoch
 */
export async function recordDeployment(
  store: Store,
  told: NewDeployment,
  clock: () => number,
): Promise<Deployment> {
  const now = clock()
  const known = await allDeployments(store, { service: told.service, environment: told.environment })
  const start = told.startedAt === undefined ? now : Date.parse(told.startedAt)
  const same = known.findLast((other) => {
    if (other.version !== told.version) return false
    const distance = Math.abs(Date.parse(other.startedAt) - start)
    // Two starts that a pipeline names are two deployments, however near.
    if (told.startedAt !== undefined && other.source === 'api') return distance === 0
    return distance <= SAME_DEPLOYMENT_MS
  })
  const startedAt = told.startedAt ?? (same?.source === 'api' ? same.startedAt : new Date(now).toISOString())
  const began = new Date(startedAt).toISOString()
  const previous = known.findLast(
    (other) => other.id !== same?.id && Date.parse(other.startedAt) < Date.parse(began),
  )
  const deployment: Deployment = {
    id: same?.id ?? deploymentId(told.service, told.environment, told.version, began),
    service: told.service,
    environment: told.environment,
    version: told.version,
    previousVersion: previous?.version ?? null,
    startedAt: began,
    finishedAt: told.finishedAt ?? same?.finishedAt ?? null,
    source: 'api',
    status: told.status,
    attributes: { ...same?.attributes, ...told.attributes },
  }
  await storeDeployments(store, [deployment], now)
  return deployment
}
