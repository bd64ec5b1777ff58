import { compareReleases } from '../../analytics/jobs/compare-releases.ts'
import type { Comparison } from '../../schemas/contracts/delta.ts'
import type { ApiContext } from '../context.ts'
import { readReleases } from './releases.ts'

/**
 * Any two releases of a service, b against a.
 * @param environment undefined: where b was deployed last
 * @throws PostflightError RELEASE_NOT_FOUND
 */
export async function readComparison(
  context: ApiContext,
  service: string,
  a: string,
  b: string,
  environment: string | undefined,
): Promise<Comparison> {
  const where = environment ?? (await usualEnvironment(context, service, b))
  return await context.slow.get(`compare ${JSON.stringify([service, a, b, where])}`, async () => {
    const found = await compareReleases(
      context.store,
      context.catalogue,
      context.config,
      service,
      where,
      a,
      b,
    )
    const side = (of: { version: string; from: string; to: string }) => ({
      version: of.version,
      window: { from: of.from, to: of.to },
    })
    return {
      service,
      environment: found.environment,
      a: side(found.before),
      b: side(found.after),
      design: found.design,
      deltas: [...found.verdicts],
      ...(found.comparability === undefined ? {} : { comparability: [...found.comparability] }),
      notes: [...found.notes],
    }
  })
}

async function usualEnvironment(context: ApiContext, service: string, version: string): Promise<string> {
  const release = (await readReleases(context, service)).find((candidate) => candidate.version === version)
  const deployed = release?.deployments[0]?.environment
  if (deployed !== undefined) return deployed
  const [row] = await context.store.query<{ environment: string }>(
    `SELECT environment FROM version_1h WHERE service = {service:String} AND version = {version:String}
    GROUP BY environment ORDER BY max(last_time) DESC LIMIT 1`,
    { service, version },
  )
  return row?.environment ?? 'default'
}
