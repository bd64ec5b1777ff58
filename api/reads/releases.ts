import type { DeploymentSummary, Release } from '../../schemas/contracts/release.ts'
import { PostflightError } from '../../schemas/errors.ts'
import type { ApiContext } from '../context.ts'

/** Releases of a service, the newest deployed (or seen) first. */
export async function readReleases(context: ApiContext, service: string): Promise<Release[]> {
  const [seen, deployments] = await Promise.all([
    context.fresh.get(`releases ${service}`, () =>
      context.store.query<{ version: string; first: number; last: number }>(
        `SELECT version, toUnixTimestamp(min(first_time)) AS first, toUnixTimestamp(max(last_time)) AS last
        FROM version_1h WHERE service = {service:String} GROUP BY version`,
        { service },
      ),
    ),
    context.summaries.newest({ service }),
  ])
  const releases = new Map<
    string,
    { first: string | null; last: string | null; deployments: DeploymentSummary[] }
  >()
  for (const row of seen) {
    releases.set(row.version, {
      first: new Date(row.first * 1000).toISOString(),
      last: new Date(row.last * 1000).toISOString(),
      deployments: [],
    })
  }
  for (const deployment of deployments) {
    const known = releases.get(deployment.version) ?? { first: null, last: null, deployments: [] }
    known.deployments.push(deployment)
    releases.set(deployment.version, known)
  }
  return [...releases]
    .map(([version, known]) => ({
      service,
      version,
      firstSeen: known.first,
      lastSeen: known.last,
      deployments: known.deployments,
    }))
    .sort((a, b) => orderOf(b).localeCompare(orderOf(a)))
}

/** @throws PostflightError RELEASE_NOT_FOUND */
export async function readRelease(context: ApiContext, service: string, version: string): Promise<Release> {
  const release = (await readReleases(context, service)).find((candidate) => candidate.version === version)
  if (release === undefined) throw releaseNotFound(service, version)
  return release
}

/**
 * The newest deployment of a release.
 * @throws PostflightError RELEASE_NOT_FOUND
 */
export async function newestDeployment(
  context: ApiContext,
  service: string,
  version: string,
  environment: string | undefined,
): Promise<DeploymentSummary> {
  const [newest] = await context.summaries.newest({ service, version, environment }, 1)
  if (newest === undefined) throw releaseNotFound(service, version, environment)
  return newest
}

function releaseNotFound(service: string, version: string, environment?: string): PostflightError {
  const where = environment === undefined ? '' : ` in ${environment}`
  return new PostflightError('RELEASE_NOT_FOUND', `No release ${service} ${version} is known${where}.`, {
    hint:
      `postflight releases and GET /api/v1/releases?service=${encodeURIComponent(service)} list what is known. ` +
      'A release is known once its telemetry (service.version) or a deployment has come in.',
  })
}

const orderOf = (release: Release) => release.deployments[0]?.startedAt ?? release.firstSeen ?? ''
