import { createHash } from 'node:crypto'
import type { Deployment, DeploymentSource } from '../../schemas/contracts/deployment.ts'
import type { DeploymentState } from '../../schemas/contracts/report.ts'
import { PostflightError } from '../../schemas/errors.ts'
import type { Store } from '../../schemas/store/client.ts'

interface Row {
  id: string
  service: string
  environment: string
  version: string
  previous_version: string
  started: number
  finished: number | null
  source: Deployment['source']
  status: Deployment['status']
  attributes: Record<string, string>
  sources: string
}

const COLUMNS = `d.id AS id, d.service AS service, d.environment AS environment, d.version AS version, d.previous_version AS previous_version,
    toUnixTimestamp64Milli(d.started_at) AS started, if(isNull(d.finished_at), NULL, toUnixTimestamp64Milli(assumeNotNull(d.finished_at))) AS finished,
    d.source AS source, d.status AS status, d.attributes AS attributes, d.sources_json AS sources`

const iso = (milliseconds: number): string => new Date(milliseconds).toISOString()

function deploymentOf(row: Row): Deployment {
  return {
    id: row.id,
    service: row.service,
    environment: row.environment,
    version: row.version,
    previousVersion: row.previous_version === '' ? null : row.previous_version,
    startedAt: iso(row.started),
    finishedAt: row.finished === null ? null : iso(row.finished),
    source: row.source,
    status: row.status,
    attributes: row.attributes,
    ...(row.sources === '[]' ? {} : { sources: JSON.parse(row.sources) as DeploymentSource[] }),
  }
}

/** Id of a deployment first heard of at this moment; it stays when later news moves the start. */
export function deploymentId(
  service: string,
  environment: string,
  version: string,
  startedAt: string,
): string {
  return createHash('sha256')
    .update(JSON.stringify([service, environment, version, startedAt]))
    .digest('hex')
    .slice(0, 20)
}

/** Stores deployments; a known id is replaced. @param now milliseconds */
export async function storeDeployments(
  store: Store,
  deployments: readonly Deployment[],
  now: number,
): Promise<void> {
  await store.insert(
    'deployments',
    deployments.map((deployment) => ({
      id: deployment.id,
      service: deployment.service,
      environment: deployment.environment,
      version: deployment.version,
      previous_version: deployment.previousVersion ?? '',
      started_at: deployment.startedAt,
      finished_at: deployment.finishedAt,
      source: deployment.source,
      status: deployment.status,
      attributes: deployment.attributes,
      sources_json: JSON.stringify(deployment.sources ?? []),
      updated_at: iso(now),
    })),
  )
}

/** All deployments (of one service and environment, if given), oldest first. */
export async function allDeployments(
  store: Store,
  of: { readonly service?: string; readonly environment?: string } = {},
): Promise<readonly Deployment[]> {
  const rows = await store.query<Row>(
    `SELECT ${COLUMNS} FROM deployments AS d FINAL
    WHERE ({service:String} = '' OR d.service = {service:String}) AND ({environment:String} = '' OR d.environment = {environment:String})
    ORDER BY d.started_at, d.id`,
    { service: of.service ?? '', environment: of.environment ?? '' },
  )
  return rows.map(deploymentOf)
}

/** Deployments that started, or changed, after that moment (milliseconds). */
export async function recentDeployments(store: Store, after: number): Promise<readonly Deployment[]> {
  const rows = await store.query<Row>(
    `SELECT ${COLUMNS} FROM deployments AS d FINAL
    WHERE d.started_at > fromUnixTimestamp64Milli({after:Int64}) OR (d.status = 'rolled_back' AND d.updated_at > fromUnixTimestamp64Milli({after:Int64}))
    ORDER BY d.started_at, d.id`,
    { after },
  )
  return rows.map(deploymentOf)
}

/** @throws PostflightError DEPLOYMENT_NOT_FOUND */
export async function getDeployment(store: Store, id: string): Promise<Deployment> {
  const [row] = await store.query<Row>(
    `SELECT ${COLUMNS} FROM deployments AS d FINAL WHERE d.id = {id:String}`,
    { id },
  )
  if (row === undefined) {
    throw new PostflightError('DEPLOYMENT_NOT_FOUND', `There is no deployment ${id}.`, {
      hint: 'GET /api/v1/deployments lists them.',
    })
  }
  return deploymentOf(row)
}

export interface DeploymentFilter {
  readonly service?: string
  readonly environment?: string
  readonly version?: string
  readonly state?: DeploymentState
  /** Milliseconds; of the start, from inclusive to exclusive. */
  readonly from?: number
  readonly to?: number
}

export interface Paging {
  readonly limit: number
  readonly offset: number
  /** Default: newest first. */
  readonly sort?: 'started_at' | 'service' | 'version' | 'state'
  readonly order?: 'asc' | 'desc'
}

export interface ListedDeployment extends Deployment {
  /** Null until its first report. */
  readonly state: DeploymentState | null
  readonly provisional: boolean | null
  readonly headline: string | null
  readonly reportedAt: string | null
}

const SORTS = {
  started_at: 'd.started_at',
  service: 'd.service',
  version: 'd.version',
  state: 'r.state',
} as const

/** Deployments with what their newest report says. */
export async function listDeployments(
  store: Store,
  filter: DeploymentFilter,
  paging: Paging,
): Promise<{ readonly items: readonly ListedDeployment[]; readonly total: number }> {
  const where = `({service:String} = '' OR d.service = {service:String})
        AND ({environment:String} = '' OR d.environment = {environment:String})
        AND ({version:String} = '' OR d.version = {version:String})
        AND ({state:String} = '' OR r.state = {state:String})
        AND d.started_at >= fromUnixTimestamp64Milli({from:Int64}) AND d.started_at < fromUnixTimestamp64Milli({to:Int64})`
  const from = `FROM (SELECT * FROM deployments FINAL) AS d
    LEFT JOIN (SELECT deployment_id, state, provisional, computed_at, JSONExtractString(report_json, 'headline') AS headline FROM reports FINAL) AS r
        ON r.deployment_id = d.id`
  const params = {
    service: filter.service ?? '',
    environment: filter.environment ?? '',
    version: filter.version ?? '',
    state: filter.state ?? '',
    from: filter.from ?? 0,
    // Later than any telemetry, and still within DateTime64.
    to: filter.to ?? Date.UTC(2200, 0, 1),
  }
  const sort = SORTS[paging.sort ?? 'started_at']
  const order = (paging.order ?? (paging.sort === undefined ? 'desc' : 'asc')) === 'desc' ? 'DESC' : 'ASC'
  const [rows, totals] = await Promise.all([
    store.query<
      Row & { state: '' | DeploymentState; provisional: boolean; headline: string; reported: number }
    >(
      `SELECT ${COLUMNS}, r.state AS state, r.provisional AS provisional, r.headline AS headline,
        toUnixTimestamp64Milli(r.computed_at) AS reported
      ${from} WHERE ${where} ORDER BY ${sort} ${order}, d.id LIMIT {limit:UInt32} OFFSET {offset:UInt32}`,
      { ...params, limit: paging.limit, offset: paging.offset },
    ),
    store.query<{ total: number }>(`SELECT count() AS total ${from} WHERE ${where}`, params),
  ])
  return {
    items: rows.map((row) => {
      const reported = row.state !== ''
      return {
        ...deploymentOf(row),
        state: row.state === '' ? null : row.state,
        provisional: reported ? row.provisional : null,
        headline: reported ? row.headline : null,
        reportedAt: reported ? iso(row.reported) : null,
      }
    }),
    total: totals[0]?.total ?? 0,
  }
}
