import type { Report } from '../../schemas/contracts/report.ts'
import { PostflightError } from '../../schemas/errors.ts'
import type { Store } from '../../schemas/store/client.ts'
import { FreshCache } from './fresh-cache.ts'

/** A stored report: its JSON as it is kept, and the tag of this very computation. */
export interface StoredReport {
  readonly deploymentId: string
  readonly json: string
  /** Strong ETag, with its quotes. */
  readonly etag: string
}

/** Reads reports; the text of a computation is read once, however often it is asked for. */
export class Reports {
  readonly #store: Store
  readonly #tags: FreshCache
  readonly #texts: FreshCache
  readonly #parsed: FreshCache

  constructor(store: Store, clock: () => number) {
    this.#store = store
    this.#tags = new FreshCache(clock, 1000, 2000)
    this.#texts = new FreshCache(clock, Number.POSITIVE_INFINITY, 40)
    this.#parsed = new FreshCache(clock, Number.POSITIVE_INFINITY, 20)
  }

  forget(): void {
    this.#tags.clear()
  }

  /** @throws PostflightError REPORT_NOT_READY where the deployment has none yet */
  async byDeployment(deploymentId: string): Promise<StoredReport> {
    const computed = await this.#tags.get(deploymentId, async () => {
      const [row] = await this.#store.query<{ computed: number }>(
        `SELECT toUnixTimestamp64Milli(computed_at) AS computed FROM reports FINAL WHERE deployment_id = {deploymentId:String}`,
        { deploymentId },
      )
      return row?.computed ?? null
    })
    if (computed === null) throw notReady(deploymentId)
    const etag = `"${deploymentId}-${computed.toString(36)}"`
    const json = await this.#texts.get(etag, async () => {
      const [row] = await this.#store.query<{ json: string }>(
        'SELECT report_json AS json FROM reports FINAL WHERE deployment_id = {deploymentId:String}',
        { deploymentId },
      )
      if (row === undefined) throw notReady(deploymentId)
      return row.json
    })
    return { deploymentId, json, etag }
  }

  parse(report: StoredReport): Promise<Report> {
    return this.#parsed.get(report.etag, async () => JSON.parse(report.json) as Report)
  }
}

function notReady(deploymentId: string): PostflightError {
  return new PostflightError('REPORT_NOT_READY', `Deployment ${deploymentId} has no report yet.`, {
    hint: 'The first, provisional report comes within a minute after the deployment; ask again then.',
  })
}
