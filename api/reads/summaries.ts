import type { DeploymentSummary } from '../../schemas/contracts/release.ts'
import type { DeploymentState, Report } from '../../schemas/contracts/report.ts'
import type { Store } from '../../schemas/store/client.ts'
import { decodeCursor, encodeCursor } from './cursor.ts'
import { FreshCache } from './fresh-cache.ts'

export interface SummaryFilter {
  readonly service?: string | undefined
  readonly environment?: string | undefined
  readonly version?: string | undefined
  readonly state?: DeploymentState | undefined
  readonly provisional?: boolean | undefined
  /** ISO 8601; of the start, from inclusive to exclusive. */
  readonly from?: string | undefined
  readonly to?: string | undefined
  /** Only deployments that have a report. */
  readonly reported?: boolean | undefined
}

export const SORTS = [
  '-startedAt',
  'startedAt',
  'service',
  '-service',
  'version',
  '-version',
  'state',
  '-state',
] as const
export type Sort = (typeof SORTS)[number]

interface Row {
  id: string
  service: string
  environment: string
  version: string
  previous_version: string
  started: number
  source: DeploymentSummary['source']
  status: DeploymentSummary['status']
  state: '' | DeploymentState
  provisional: boolean
  computed: number
}

interface Digest {
  headline: string
  counts: Report['counts']
  adoption: Report['adoption']
}

const ORDER = { startedAt: 'started', service: 'service', version: 'version', state: 'state' } as const
const TYPE = { startedAt: 'Int64', service: 'String', version: 'String', state: 'String' } as const

/**
 * Deployments with their reports in short. The lists read small columns only; what stands inside of a report's JSON is read once per
 * computation of the report and kept, because reading hundreds of whole reports for a list would be slow.
 */
export class Summaries {
  readonly #store: Store
  readonly #digests: FreshCache
  readonly #lists: FreshCache

  constructor(store: Store, clock: () => number) {
    this.#store = store
    this.#digests = new FreshCache(clock, Number.POSITIVE_INFINITY, 5000)
    this.#lists = new FreshCache(clock, 1000, 500)
  }

  /** What this process has just written is seen by its next read. */
  forget(): void {
    this.#lists.clear()
  }

  async page(
    filter: SummaryFilter,
    paging: { sort: Sort; limit: number; cursor?: string | undefined },
  ): Promise<{ items: DeploymentSummary[]; nextCursor: string | null }> {
    return await this.#lists.get(JSON.stringify([filter, paging]), () => this.#page(filter, paging))
  }

  /** All that match, newest first; at most 500. */
  async newest(filter: SummaryFilter, limit = 500): Promise<readonly DeploymentSummary[]> {
    return (await this.page(filter, { sort: '-startedAt', limit })).items
  }

  /** The newest deployment of each service and environment. */
  async latestOfEach(service = ''): Promise<readonly DeploymentSummary[]> {
    return await this.#lists.get(`latest ${service}`, async () =>
      this.#digest(
        await this.#store.query<Row>(
          `${BASE} WHERE ({service:String} = '' OR service = {service:String})
          ORDER BY started DESC, id LIMIT 1 BY service, environment`,
          { service },
        ),
      ),
    )
  }

  async #page(
    filter: SummaryFilter,
    paging: { sort: Sort; limit: number; cursor?: string | undefined },
  ): Promise<{ items: DeploymentSummary[]; nextCursor: string | null }> {
    const field = paging.sort.replace('-', '') as keyof typeof ORDER
    const descending = paging.sort.startsWith('-')
    const conditions: string[] = []
    const params: Record<string, unknown> = {}
    for (const name of ['service', 'environment', 'version', 'state'] as const) {
      const value = filter[name]
      if (value === undefined) continue
      conditions.push(`${name} = {${name}:String}`)
      params[name] = value
    }
    if (filter.from !== undefined) {
      conditions.push('started >= {from:Int64}')
      params['from'] = Date.parse(filter.from)
    }
    if (filter.to !== undefined) {
      conditions.push('started < {to:Int64}')
      params['to'] = Date.parse(filter.to)
    }
    if (filter.reported === true || filter.provisional !== undefined) conditions.push("state != ''")
    if (filter.provisional !== undefined)
      conditions.push(filter.provisional ? 'provisional' : 'NOT provisional')
    if (paging.cursor !== undefined) {
      const cursor = decodeCursor(paging.cursor, paging.sort)
      params['after'] = cursor.value
      params['afterId'] = cursor.id
      const beyond = descending ? '<' : '>'
      conditions.push(
        `(${ORDER[field]} ${beyond} {after:${TYPE[field]}} OR (${ORDER[field]} = {after:${TYPE[field]}} AND id > {afterId:String}))`,
      )
    }
    const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`
    const rows = await this.#store.query<Row>(
      `${BASE} ${where} ORDER BY ${ORDER[field]} ${descending ? 'DESC' : 'ASC'}, id LIMIT {limit:UInt32}`,
      { ...params, limit: paging.limit + 1 },
    )
    const items = rows.slice(0, paging.limit)
    const last = items.at(-1)
    const nextCursor =
      rows.length > paging.limit && last !== undefined
        ? encodeCursor({ sort: paging.sort, value: String(last[ORDER[field]]), id: last.id })
        : null
    return { items: await this.#digest(items), nextCursor }
  }

  async #digest(rows: readonly Row[]): Promise<DeploymentSummary[]> {
    const missing = new Map<string, (digest: Digest | null) => void>()
    const refused: ((error: unknown) => void)[] = []
    const digests = await Promise.all([
      ...rows.map((row) =>
        row.state === ''
          ? null
          : this.#digests.get(
              `${row.id} ${row.computed}`,
              () =>
                new Promise<Digest | null>((resolve, reject) => {
                  missing.set(row.id, resolve)
                  refused.push(reject)
                }),
            ),
      ),
      // Runs after the list above has said what is missing.
      Promise.resolve().then(() => this.#readDigests(missing, refused)),
    ])
    return rows.map((row, index) => summaryOf(row, (digests[index] as Digest | null | undefined) ?? null))
  }

  async #readDigests(
    missing: ReadonlyMap<string, (digest: Digest | null) => void>,
    refused: readonly ((error: unknown) => void)[],
  ): Promise<null> {
    if (missing.size === 0) return null
    try {
      const rows = await this.#store.query<{
        id: string
        headline: string
        counts: string
        adoption: string
      }>(
        `SELECT deployment_id AS id, JSONExtractString(report_json, 'headline') AS headline,
          JSONExtractRaw(report_json, 'counts') AS counts, JSONExtractRaw(report_json, 'adoption') AS adoption
        FROM reports FINAL WHERE deployment_id IN {ids:Array(String)}`,
        { ids: [...missing.keys()] },
      )
      for (const row of rows) {
        missing.get(row.id)?.({
          headline: row.headline,
          counts: JSON.parse(row.counts) as Report['counts'],
          adoption: JSON.parse(row.adoption) as Report['adoption'],
        })
      }
      for (const resolve of missing.values()) resolve(null)
    } catch (error) {
      for (const reject of refused) reject(error)
    }
    return null
  }
}

/** One row a deployment; `state` is '' where there is no report yet. */
const BASE = `SELECT * FROM (
    SELECT d.id AS id, toString(d.service) AS service, toString(d.environment) AS environment, d.version AS version,
      d.previous_version AS previous_version, toUnixTimestamp64Milli(d.started_at) AS started, toString(d.source) AS source,
      toString(d.status) AS status, toString(r.state) AS state, r.provisional AS provisional,
      toUnixTimestamp64Milli(r.computed_at) AS computed
    FROM (SELECT * FROM deployments FINAL) AS d
    LEFT JOIN (SELECT deployment_id, state, provisional, computed_at FROM reports FINAL) AS r ON r.deployment_id = d.id
  )`

function summaryOf(row: Row, digest: Digest | null): DeploymentSummary {
  const reported = row.state !== ''
  return {
    deploymentId: row.id,
    service: row.service,
    environment: row.environment,
    version: row.version,
    previousVersion: row.previous_version === '' ? null : row.previous_version,
    startedAt: new Date(row.started).toISOString(),
    status: row.status,
    source: row.source,
    state: row.state === '' ? null : row.state,
    provisional: reported ? row.provisional : null,
    headline: digest?.headline ?? null,
    counts: digest?.counts ?? null,
    adoption: digest?.adoption ?? null,
    computedAt: reported ? new Date(row.computed).toISOString() : null,
  }
}
