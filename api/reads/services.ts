import type { DeploymentSummary } from '../../schemas/contracts/release.ts'
import type { Service } from '../../schemas/contracts/service.ts'
import { PostflightError } from '../../schemas/errors.ts'
import type { ApiContext } from '../context.ts'

interface Seen {
  service: string
  environment: string
  last: number
  versions: string[]
}

/** Every service that telemetry or a deployment has told of, by name. */
export async function readServices(context: ApiContext): Promise<Service[]> {
  const [seen, latest] = await Promise.all([
    context.fresh.get('services seen', () =>
      context.store.query<Seen>(
        `SELECT service, environment, max(hour_last) AS last, argMax(hour_versions, hour) AS versions
        FROM (
          SELECT service, environment, toUnixTimestamp(time) AS hour, max(toUnixTimestamp(last_time)) AS hour_last,
            arraySort(groupUniqArray(version)) AS hour_versions
          FROM version_1h GROUP BY service, environment, hour
        )
        GROUP BY service, environment`,
      ),
    ),
    context.summaries.latestOfEach(),
  ])
  const services = new Map<string, Map<string, { seen?: Seen; latest?: DeploymentSummary }>>()
  const entry = (service: string, environment: string) => {
    const environments =
      services.get(service) ?? new Map<string, { seen?: Seen; latest?: DeploymentSummary }>()
    services.set(service, environments)
    const known = environments.get(environment) ?? {}
    environments.set(environment, known)
    return known
  }
  for (const row of seen) entry(row.service, row.environment).seen = row
  for (const row of latest) entry(row.service, row.environment).latest = row
  return [...services]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([service, environments]) => ({
      service,
      environments: [...environments]
        .sort(([a], [b]) => a.localeCompare(b))
        .map(([environment, known]) => ({
          environment,
          lastSeen: known.seen === undefined ? null : new Date(known.seen.last * 1000).toISOString(),
          versions: known.seen?.versions ?? [],
          latest: known.latest ?? null,
        })),
    }))
}

/** @throws PostflightError SERVICE_NOT_FOUND */
export async function readService(context: ApiContext, name: string): Promise<Service> {
  const service = (await readServices(context)).find((candidate) => candidate.service === name)
  if (service === undefined) {
    throw new PostflightError('SERVICE_NOT_FOUND', `There is no service ${name}.`, {
      hint: 'postflight releases and GET /api/v1/services list what is known. A service appears with its first telemetry (service.name) or deployment.',
    })
  }
  return service
}
