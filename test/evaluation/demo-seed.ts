import { pino } from 'pino'
import { createAnalysis } from '../../analytics/jobs/scheduler.ts'
import { readReport } from '../../analytics/jobs/stored-reports.ts'
import { recordDeployment } from '../../analytics/releases/record-deployment.ts'
import { allDeployments } from '../../analytics/releases/stored-deployments.ts'
import { runHistory } from '../../deploy/demo/history/run-history.ts'
import { HISTORY_DAYS, planHistory } from '../../deploy/demo/truth/plan-history.ts'
import { configSchema } from '../../schemas/config.ts'
import { newDeploymentSchema } from '../../schemas/contracts/deployment.ts'
import type { Report } from '../../schemas/contracts/report.ts'
import { buildCatalogue } from '../../schemas/signals/catalogue.ts'
import type { Store } from '../../schemas/store/client.ts'
import { startIngest } from '../conformance/postflight.ts'
import { type Judged, judgeHistory } from './demo-judgement.ts'

export interface SeedResult {
  readonly seed: number
  readonly days: number
  readonly judged: readonly Judged[]
  /** Deployments that were reported and are in no truth: found where there was none. */
  readonly strangers: readonly string[]
  readonly spans: number
  readonly ingestSeconds: number
  readonly firstFinalReportSeconds: number | null
  readonly reportsSeconds: number
}

/**
 * One seed from end to end: a fresh embedded store, the real receiver, the history, and the scheduler's rounds until every report is final.
 * @param now milliseconds since 1970: where the history ends
 * @param inspect looks at the store with everything in it
 */
export async function evaluateSeed(
  seed: number,
  now: number,
  days: number = HISTORY_DAYS,
  inspect: (store: Store) => Promise<void> = async () => {},
): Promise<SeedResult> {
  const truth = planHistory(seed, days)
  const ingest = await startIngest()
  try {
    const { store } = ingest
    const begun = performance.now()
    const seconds = (): number => (performance.now() - begun) / 1000
    let firstFinal: number | null = null
    const analysis = createAnalysis({
      store,
      catalogue: buildCatalogue(),
      config: configSchema.parse({ analysis: { intervalSeconds: 5 } }),
      clock: Date.now,
      logger: pino({ level: 'warn' }),
      onReport: async (report) => {
        if (!report.provisional && report.baselineVersion !== null) firstFinal ??= seconds()
      },
    })
    analysis.start()
    const sent = await runHistory({
      truth,
      end: now,
      otlpUrl: ingest.url,
      tell: async (told) => {
        await recordDeployment(store, newDeploymentSchema.parse(told), Date.now)
      },
    })
    await analysis.stop()
    // The first of these finds what the last minutes brought, the second has nothing left to do.
    for (let rounds = 0; rounds < 10; rounds++) {
      const { discovered, reported } = await analysis.round()
      if (discovered === 0 && reported === 0) break
    }
    const reports: Report[] = []
    for (const deployment of await allDeployments(store)) {
      const report = await readReport(store, deployment.id)
      if (report !== undefined) reports.push(report)
    }
    await inspect(store)
    const known = new Set([
      ...truth.deployments.map((one) => `${one.service}@${one.version}`),
      ...Object.entries(truth.initial).map(([service, version]) => `${service}@${version}`),
    ])
    return {
      seed,
      days,
      judged: judgeHistory(truth, now, reports),
      strangers: reports
        .map(({ deployment }) => `${deployment.service}@${deployment.version}`)
        .filter((name, i, all) => !known.has(name) || all.indexOf(name) !== i),
      spans: sent.spans,
      ingestSeconds: sent.seconds,
      firstFinalReportSeconds: firstFinal,
      reportsSeconds: seconds(),
    }
  } finally {
    await ingest.close()
  }
}
