import { startOf } from '../../deploy/demo/history/generate-history.ts'
import type { EffectKind, PlannedDeployment, Truth } from '../../deploy/demo/truth/truth.ts'
import type { Report, Verdict } from '../../schemas/contracts/report.ts'
import { readKind } from '../../schemas/exception-kind.ts'

/** What became of one deployment of the truth. */
export interface Judged {
  readonly service: string
  readonly version: string
  readonly kind: EffectKind
  readonly description: string
  readonly rollout: string
  readonly told: string
  /** Of the report; 'missing' where there is none. */
  readonly state: string
  readonly design: string
  readonly provisional: boolean
  /**
   * `found`: the planted effect is named with its word. `missed`: it is not. `clean`: nothing was to be found and nothing was blamed.
   * `false_alarm`: something was called regressed that did not get worse.
   */
  readonly outcome: 'found' | 'missed' | 'clean' | 'false_alarm'
  /** The planted signal's verdict, and everything that was called regressed. */
  readonly evidence: readonly string[]
}

/** Compares reports with the truth. @param end where the history ends, milliseconds since 1970 */
export function judgeHistory(truth: Truth, end: number, reports: readonly Report[]): readonly Judged[] {
  return truth.deployments.map((planned) => judge(planned, reportOf(planned, end, reports)))
}

function reportOf(planned: PlannedDeployment, end: number, reports: readonly Report[]): Report | undefined {
  const start = startOf(planned, end)
  return reports.find(
    ({ deployment }) =>
      deployment.service === planned.service &&
      deployment.version === planned.version &&
      // Discovery sees the first request of the version, which may be minutes after the start.
      Math.abs(Date.parse(deployment.startedAt) - start) < 30 * 60_000,
  )
}

function judge(planned: PlannedDeployment, report: Report | undefined): Judged {
  const { effect } = planned
  const about = {
    service: planned.service,
    version: planned.version,
    kind: effect.kind,
    description: effect.description,
    rollout: planned.rollout.kind,
    told: planned.told,
  }
  if (report === undefined) {
    return { ...about, state: 'missing', design: '', provisional: false, outcome: 'missed', evidence: [] }
  }
  const planted = report.verdicts.filter(
    (verdict) =>
      verdict.signal === effect.signal &&
      (verdict.dimension === effect.dimension ||
        (effect.signal === 'exceptions.rate' && readKind(verdict.dimension).title === effect.dimension)),
  )
  const regressed = report.verdicts.filter((verdict) => verdict.word === 'regressed')
  const blamed = report.state === 'regressed'
  const outcome =
    effect.expected === 'regressed'
      ? blamed && planted.some((verdict) => verdict.word === 'regressed')
        ? 'found'
        : 'missed'
      : blamed
        ? 'false_alarm'
        : effect.expected === 'improved'
          ? planted.some((verdict) => verdict.word === 'improved')
            ? 'found'
            : 'missed'
          : 'clean'
  return {
    ...about,
    state: report.state,
    design: report.design,
    provisional: report.provisional,
    outcome,
    evidence: [...planted, ...regressed.filter((verdict) => !planted.includes(verdict))].map(told),
  }
}

function told(verdict: Verdict): string {
  const [low, high] = verdict.interval
  const p = verdict.adjustedPValue === null ? '' : ` p ${verdict.adjustedPValue.toExponential(1)}`
  return `${verdict.word} ${verdict.signal} [${verdict.dimension}] ${verdict.intervalOf} ${number(verdict.effectRatio)} (${number(low)} to ${number(high)})${p} ${verdict.before.count}/${verdict.after.count} ${verdict.method}`
}

function number(value: number | null): string {
  return value === null ? '-' : value.toPrecision(3)
}

/** The figures that are promised. */
export interface Summary {
  readonly regressions: number
  readonly regressionsFound: number
  readonly improvements: number
  readonly improvementsFound: number
  readonly fixes: number
  readonly fixesFound: number
  readonly quiet: number
  readonly quietBlamed: number
  readonly mixChanges: number
  readonly mixBlamed: number
  /** Fixes and improvements that were called regressed. */
  readonly betterBlamed: number
}

export function summarise(judged: readonly Judged[]): Summary {
  const count = (kinds: readonly EffectKind[], outcome?: Judged['outcome']): number =>
    judged.filter((one) => kinds.includes(one.kind) && (outcome === undefined || one.outcome === outcome))
      .length
  const harms: readonly EffectKind[] = [
    'latency',
    'new_exception',
    'n_plus_one',
    'memory_leak',
    'error_ratio',
  ]
  return {
    regressions: count(harms),
    regressionsFound: count(harms, 'found'),
    improvements: count(['improvement']),
    improvementsFound: count(['improvement'], 'found'),
    fixes: count(['fix']),
    fixesFound: count(['fix'], 'found'),
    quiet: count(['none']),
    quietBlamed: count(['none'], 'false_alarm'),
    mixChanges: count(['traffic_mix']),
    mixBlamed: count(['traffic_mix'], 'false_alarm'),
    betterBlamed: count(['fix', 'improvement'], 'false_alarm'),
  }
}
