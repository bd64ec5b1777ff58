import type { Report, Verdict } from '../../../schemas/contracts/report.ts'
import type { PlannedDeployment, Scenario } from './plan-world.ts'

/** What a deployment did, as far as its report could know. */
export const TRUTHS = ['nothing', 'worse', 'better', 'incident elsewhere'] as const
export type Truth = (typeof TRUTHS)[number]

export function truthOf(scenario: Scenario): Truth {
  switch (scenario) {
    case 'slower route':
    case 'failing route':
    case 'new exception':
    case 'more queries':
    case 'leak':
      return 'worse'
    case 'faster route':
      return 'better'
    case 'incident on both versions':
    case 'incident of a dependency':
      return 'incident elsewhere'
    default:
      return 'nothing'
  }
}

export interface JudgedDeployment {
  readonly scenario: Scenario
  readonly truth: Truth
  readonly state: Report['state']
  /** Words `regressed` and `improved` that the release did not earn. */
  readonly falseWords: number
  readonly words: number
  /** Whether what was planted was found. */
  readonly found: boolean
}

/** Signals that a planted change moves; the first is the one that has to be found. */
const MOVED: Partial<Record<Scenario, readonly string[]>> = {
  'slower route': ['latency.server'],
  'faster route': ['latency.server'],
  'failing route': ['errors.server', 'logs.error_rate'],
  'new exception': ['exceptions.rate'],
  'more queries': ['db.calls'],
  leak: ['runtime.memory'],
}

/** @param previous what the version before had planted: the end of it is news as well */
export function judgeDeployment(
  planned: PlannedDeployment,
  previous: PlannedDeployment | undefined,
  report: Report,
): JudgedDeployment {
  const truth = truthOf(planned.scenario)
  const decided = report.verdicts.filter(({ word }) => word === 'regressed' || word === 'improved')
  const wrong = decided.filter((verdict) => !earned(verdict, planned, previous))
  const wanted = MOVED[planned.scenario]?.[0]
  const word = truth === 'better' ? 'improved' : 'regressed'
  return {
    scenario: planned.scenario,
    truth,
    state: report.state,
    falseWords: wrong.length,
    words: decided.length,
    found: wanted !== undefined && decided.some((v) => v.signal === wanted && v.word === word),
  }
}

function earned(
  verdict: Verdict,
  planned: PlannedDeployment,
  previous: PlannedDeployment | undefined,
): boolean {
  const own = MOVED[planned.scenario] ?? []
  const worse = truthOf(planned.scenario) === 'worse'
  if (own.includes(verdict.signal)) {
    if (verdict.word === (worse ? 'regressed' : 'improved')) return true
  }
  // What the version before had made worse is better again, and the other way round.
  const before = previous === undefined ? [] : (MOVED[previous.scenario] ?? [])
  if (previous !== undefined && before.includes(verdict.signal)) {
    return verdict.word === (truthOf(previous.scenario) === 'worse' ? 'improved' : 'regressed')
  }
  return false
}
