/**
 * F. The whole system: made deployments with all their signals as rollup cells in a real store, found and judged by the product's own jobs, against what was planted.
 */
import { pino } from 'pino'
import { createAnalysis } from '../../../analytics/jobs/scheduler.ts'
import type { Report } from '../../../schemas/contracts/report.ts'
import { openBench } from '../../integration/report-fixture.ts'
import type { PartOptions, PartResult } from '../part.ts'
import { fillService } from '../system/fill-world.ts'
import { type JudgedDeployment, judgeDeployment, TRUTHS } from '../system/judge-world.ts'
import { type PlannedDeployment, planWorld, SCENARIOS } from '../system/plan-world.ts'

const MINUTE = 60_000
/** Deployments of a service; the more, the older the first. */
const EACH = 10

export async function run({ quick, seed, progress }: PartOptions): Promise<PartResult> {
  const judged = await judgeWorld(seed, quick ? 2 : 50, EACH, progress)
  return { json: { system: summary(judged) }, section: section(judged) }
}

export async function judgeWorld(
  seed: number,
  services: number,
  each: number,
  progress: (share: number) => void,
): Promise<readonly JudgedDeployment[]> {
  const planned = planWorld(seed, services, each)
  const bench = await openBench()
  try {
    const now = Math.floor(Date.now() / MINUTE) * MINUTE
    const length = Math.max(...planned.map(({ start }) => start)) + 300
    const begin = now - length * MINUTE
    const byService = Map.groupBy(planned, ({ service }) => service)
    let filled = 0
    for (const deployments of byService.values()) {
      await fillService(bench.store, seed, deployments, begin)
      filled += 1
      progress((0.4 * filled) / byService.size)
    }
    const final = new Map<string, Report>()
    const analysis = createAnalysis({
      store: bench.store,
      catalogue: bench.catalogue,
      config: bench.config,
      // Twice: what is loaded counts as complete once nothing more has come for a while.
      clock: () => now + rounds * 5 * MINUTE,
      logger: pino({ level: 'silent' }),
      onReport: async (report) => {
        if (report.provisional) return
        final.set(nameOf(report.deployment), report)
        progress(0.4 + (0.6 * final.size) / planned.length)
      },
    })
    let rounds = 0
    for (; rounds < 12; rounds++) {
      const { discovered, reported } = await analysis.round()
      if (rounds > 2 && discovered === 0 && reported === 0) break
    }
    return planned.flatMap((deployment, at) => {
      const report = final.get(nameOf(deployment))
      if (report === undefined)
        throw new Error(`${nameOf(deployment)} was not reported: found ${final.size} of ${planned.length}`)
      const before = planned[at - 1]
      return [
        judgeDeployment(deployment, before?.service === deployment.service ? before : undefined, report),
      ]
    })
  } finally {
    await bench.close()
  }
}

const nameOf = ({ service, version }: Pick<PlannedDeployment, 'service' | 'version'>) =>
  `${service}@${version}`

function summary(judged: readonly JudgedDeployment[]) {
  const of = (truth: JudgedDeployment['truth']) => judged.filter((one) => one.truth === truth)
  const share = (list: readonly JudgedDeployment[], test: (one: JudgedDeployment) => boolean) =>
    list.length === 0 ? null : list.filter(test).length / list.length
  const words = judged.reduce((sum, one) => sum + one.words, 0)
  const wrong = judged.reduce((sum, one) => sum + one.falseWords, 0)
  const quiet = of('nothing')
  return {
    deployments: judged.length,
    falseVerdictsPerDeployment: judged.length === 0 ? null : wrong / judged.length,
    falseDiscoveryShare: words === 0 ? null : wrong / words,
    quietCalledRegressed: share(quiet, ({ state }) => state === 'regressed'),
    incidentsCalledRegressed: share(of('incident elsewhere'), ({ state }) => state === 'regressed'),
    sensitivity: share(of('worse'), ({ found }) => found),
    improvementsFound: share(of('better'), ({ found }) => found),
    confusion: Object.fromEntries(TRUTHS.map((truth) => [truth, countStates(of(truth))])),
    scenarios: Object.fromEntries(
      SCENARIOS.map((scenario) => {
        const list = judged.filter((one) => one.scenario === scenario)
        return [
          scenario,
          {
            deployments: list.length,
            found: list.filter(({ found }) => found).length,
            falseWords: list.reduce((sum, one) => sum + one.falseWords, 0),
            states: countStates(list),
          },
        ]
      }),
    ),
  }
}

function countStates(list: readonly JudgedDeployment[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { state } of list) counts[state] = (counts[state] ?? 0) + 1
  return counts
}

const STATES = ['healthy', 'inconclusive', 'regressed', 'superseded', 'no_data'] as const

function section(judged: readonly JudgedDeployment[]): string {
  const all = summary(judged)
  const percent = (x: number | null) => (x === null ? '–' : `${(100 * x).toFixed(1)} %`)
  const rows = TRUTHS.map((truth) => {
    const states = all.confusion[truth] ?? {}
    return `| ${truth} | ${STATES.map((state) => states[state] ?? 0).join(' | ')} |`
  })
  const scenarios = SCENARIOS.map((scenario) => {
    const row = all.scenarios[scenario]
    if (row === undefined) return ''
    return `| ${scenario} | ${row.deployments} | ${row.found} | ${row.states['regressed'] ?? 0} | ${row.falseWords} |`
  })
  return `${all.deployments} deployments: seasonal, overdispersed traffic of about 40 requests a minute, a day before and two hours after; a third of them roll over two hours side by side, the others switch at once. Quiet past made by the
product's own jobs. Cells are written to the rollups, so that views and decoders are not in this (the demonstration's evaluation has them).

| | |
| --- | --- |
| false words (regressed, improved) per deployment | ${all.falseVerdictsPerDeployment?.toFixed(3) ?? '–'} |
| share of the words that are false | ${percent(all.falseDiscoveryShare)} |
| quiet deployments called regressed | ${percent(all.quietCalledRegressed)} |
| incidents elsewhere called regressed | ${percent(all.incidentsCalledRegressed)} |
| planted regressions found | ${percent(all.sensitivity)} |
| planted improvements found | ${percent(all.improvementsFound)} |

| truth | ${STATES.join(' | ')} |
| --- | ${STATES.map(() => '---').join(' | ')} |
${rows.join('\n')}

| scenario | deployments | found | called regressed | false words |
| --- | --- | --- | --- | --- |
${scenarios.join('\n')}
`
}
