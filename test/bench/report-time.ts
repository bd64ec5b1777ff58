import { updateNulls } from '../../analytics/baselines/nulls.ts'
import { computeReport } from '../../analytics/jobs/report.ts'
import { recordDeployment } from '../../analytics/releases/record-deployment.ts'
import { configSchema } from '../../schemas/config.ts'
import { buildCatalogue } from '../../schemas/signals/catalogue.ts'
import type { Store } from '../../schemas/store/client.ts'
import { withQuery } from '../../schemas/store/with-query.ts'
import { median } from './median.ts'
import { BENCH_SERIES, fillRollups } from './report-load.ts'

const HOUR = 3600

export interface ReportFigures {
  readonly cells: number
  readonly verdicts: number
  /** A report with the quiet past kept up to date: median of `rounds`. */
  readonly reportSeconds: number
  /** The first report, which has to make the quiet past: once. */
  readonly firstReportSeconds: number
  /** CPU of analytics, the store aside: of a report at which nothing is kept but the quiet past, and of those that follow. */
  readonly firstLookCpuSeconds: number
  readonly nextLookCpuSeconds: number
}

/** Reports over `days` of minute cells of 300 series, in a migrated store that holds nothing else. */
export async function measureReport(store: Store, days: number, rounds: number): Promise<ReportFigures> {
  const catalogue = buildCatalogue()
  const config = configSchema.parse({})
  const to = Math.floor(Date.now() / 60_000) * 60 - 600
  const release = to - 2 * HOUR
  const cells = await fillRollups(store, { from: to - days * 24 * HOUR, release, to })
  const now = Date.now()
  const told = { ...BENCH_SERIES, status: 'succeeded' as const, attributes: {} }
  const at = (seconds: number) => new Date(seconds * 1000).toISOString()
  await recordDeployment(store, { ...told, version: '1.0', startedAt: at(to - days * 24 * HOUR) }, () => now)
  const deployment = await recordDeployment(
    store,
    { ...told, version: '1.1', startedAt: at(release) },
    () => now,
  )

  const began = performance.now()
  await updateNulls(store, catalogue, config, BENCH_SERIES, release * 1000, 12)
  await computeReport(store, catalogue, config, deployment, now)
  const firstReportSeconds = (performance.now() - began) / 1000

  // As another process would: the six weeks before are kept from look to look by the object that reads them.
  const first = process.cpuUsage()
  await computeReport(
    withQuery(store, (...call) => store.query(...call)),
    catalogue,
    config,
    deployment,
    now,
  )
  const firstLookCpuSeconds = secondsOf(process.cpuUsage(first))
  const seconds: number[] = []
  const costs: number[] = []
  let verdicts = 0
  for (let round = 0; round < rounds; round += 1) {
    const started = performance.now()
    const used = process.cpuUsage()
    const report = await computeReport(store, catalogue, config, deployment, now)
    seconds.push((performance.now() - started) / 1000)
    costs.push(secondsOf(process.cpuUsage(used)))
    verdicts = report.verdicts.length
  }
  return {
    cells,
    verdicts,
    reportSeconds: median(seconds),
    firstReportSeconds,
    firstLookCpuSeconds,
    nextLookCpuSeconds: median(costs),
  }
}

function secondsOf({ user, system }: NodeJS.CpuUsage): number {
  return (user + system) / 1e6
}
