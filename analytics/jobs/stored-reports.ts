import type { Report } from '../../schemas/contracts/report.ts'
import { PostflightError } from '../../schemas/errors.ts'
import type { Store } from '../../schemas/store/client.ts'

/** Stores a report and its verdicts; the newest of a deployment is the one that counts. */
export async function storeReport(store: Store, report: Report): Promise<void> {
  const { deployment } = report
  const key = {
    deployment_id: deployment.id,
    service: deployment.service,
    environment: deployment.environment,
    version: deployment.version,
    started_at: deployment.startedAt,
    provisional: report.provisional,
    computed_at: report.computedAt,
  }
  // Verdicts first: a report that can be read has its verdicts.
  await store.insert(
    'verdicts',
    report.verdicts.map((verdict) => ({
      ...key,
      signal: verdict.signal,
      dimension: verdict.dimension,
      word: verdict.word,
      kind: verdict.kind,
      effect_ratio: verdict.effectRatio,
      effect_difference: verdict.effectDifference,
      interval_low: verdict.interval[0],
      interval_high: verdict.interval[1],
      p_value: verdict.pValue,
      before_value: verdict.before.value,
      after_value: verdict.after.value,
      before_count: verdict.before.count,
      after_count: verdict.after.count,
      method: verdict.method,
      verdict_json: JSON.stringify(verdict),
    })),
  )
  await store.insert('reports', [
    { ...key, state: report.state, method: report.method, report_json: JSON.stringify(report) },
  ])
}

/** @throws PostflightError REPORT_NOT_READY where there is none yet */
export async function readReport(store: Store, deploymentId: string): Promise<Report> {
  const [row] = await store.query<{ report_json: string }>(
    'SELECT report_json FROM reports FINAL WHERE deployment_id = {id:String}',
    { id: deploymentId },
  )
  if (row === undefined) {
    throw new PostflightError('REPORT_NOT_READY', `Deployment ${deploymentId} has no report yet.`, {
      hint: 'Reports appear within a minute of the first telemetry: try again shortly.',
    })
  }
  return JSON.parse(row.report_json) as Report
}

export interface ReportMark {
  readonly state: Report['state']
  readonly provisional: boolean
  /** Milliseconds: of the deployment, as the report was laid by it. */
  readonly startedAt: number
  /** Milliseconds. */
  readonly computedAt: number
}

/** What the newest report of each deployment came to. */
export async function reportMarks(store: Store): Promise<ReadonlyMap<string, ReportMark>> {
  const rows = await store.query<{
    id: string
    state: Report['state']
    provisional: boolean
    started: number
    computed: number
  }>(
    `SELECT deployment_id AS id, state, provisional, toUnixTimestamp64Milli(started_at) AS started, toUnixTimestamp64Milli(computed_at) AS computed
    FROM reports FINAL`,
  )
  return new Map(
    rows.map(({ id, state, provisional, started, computed }) => [
      id,
      { state, provisional, startedAt: started, computedAt: computed },
    ]),
  )
}
