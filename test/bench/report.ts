import { parseArgs } from 'node:util'
import { openBench } from '../integration/report-fixture.ts'
import { measurePages } from './api.ts'
import { startDemonstration } from './demonstration.ts'
import { measureBurst } from './ingest-parts.ts'
import { measureReport } from './report-time.ts'

const { values } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, json: { type: 'boolean', default: false } },
})
const say = (text: string) => {
  if (!values.json) console.log(text)
}

/** Everything that the main path promises, one figure after the other, on a machine that does nothing else. */
const ingest = await measureBurst('logs', values.quick ? 4 : 20, 1)
const engineRatio = ingest.perSecond / ingest.enginePerSecond
say(
  `logs acknowledged, a second      ${Math.round(ingest.perSecond)} (${(100 * engineRatio).toFixed(0)} % of the engine's own rate)`,
)

const bench = await openBench()
const report = await measureReport(bench.store, values.quick ? 2 : 7, values.quick ? 3 : 5)
await bench.close()
say(
  `report, quiet past kept          ${report.reportSeconds.toFixed(2)} s (${report.cells} minute cells, ${report.verdicts} verdicts)`,
)
say(
  `CPU of it, the store aside       ${report.firstLookCpuSeconds.toFixed(2)} s at the first look, ${report.nextLookCpuSeconds.toFixed(2)} s at those that follow`,
)
say(`report, quiet past to be made    ${report.firstReportSeconds.toFixed(2)} s`)

const demonstration = await startDemonstration(values.quick ? 14 : 42)
const pages = await measurePages(demonstration.apiUrl, values.quick ? 1 : 5)
const rssMb = await demonstration.residentMb()
await demonstration.stop()
say(`pages and API, p95 of 20 users   ${pages.pageP95Ms.toFixed(0)} ms`)
for (const page of pages.pages)
  say(`    ${page.path.padEnd(64)} ${page.p95Ms.toFixed(0)} ms (${page.failed} failed)`)
say(`start to ready, new folder       ${demonstration.readySeconds.toFixed(2)} s`)
say(
  `resident, demonstration loaded   ${rssMb.total} MB (Postflight ${rssMb.postflight}, store ${rssMb.store})`,
)

if (values.json) {
  console.log(
    JSON.stringify({
      logsPerSecond: Math.round(ingest.perSecond),
      engineRatio: Math.round(engineRatio * 1000) / 1000,
      reportSeconds: report.reportSeconds,
      firstReportSeconds: report.firstReportSeconds,
      firstLookCpuSeconds: report.firstLookCpuSeconds,
      nextLookCpuSeconds: report.nextLookCpuSeconds,
      pageP95Ms: pages.pageP95Ms,
      readySeconds: demonstration.readySeconds,
      rssMb: rssMb.total,
    }),
  )
}
