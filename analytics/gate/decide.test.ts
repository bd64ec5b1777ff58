import { describe, expect, it } from 'vitest'
import type { Deployment } from '../../schemas/contracts/deployment.ts'
import type { Report, Verdict } from '../../schemas/contracts/report.ts'
import type { Watch } from '../../schemas/contracts/watch.ts'
import { type GateSettings, gateSchema, type PartialPolicy } from '../../schemas/gate.ts'
import { decideGate, type GateView } from './decide.ts'
import { policyFor } from './policy.ts'

const START = Date.UTC(2026, 0, 1)
const MINUTE = 60_000
const iso = (time: number) => new Date(time).toISOString()

function verdict(told: Partial<Verdict> = {}): Verdict {
  return {
    signal: 'errors.server',
    title: 'Server errors',
    group: 'errors',
    kind: 'ratio',
    unit: '1',
    criticality: 'critical',
    badDirection: 'up',
    dimension: '',
    dimensionTitle: null,
    word: 'inconclusive',
    fact: null,
    summary: `${told.title ?? 'Server errors'} ${told.word ?? 'inconclusive'}; 99 % interval.`,
    effectRatio: 1.1,
    effectDifference: 0.001,
    interval: [0.8, 1.5],
    intervalOf: 'ratio',
    confidence: 0.99,
    pValue: 0.3,
    adjustedPValue: 0.4,
    smallestEffect: { ratio: 1.2, absolute: 0.002 },
    before: { value: 0.01, count: 5000, bad: 50, exposure: null, quantiles: null, minutes: 60 },
    after: { value: 0.011, count: 800, bad: 9, exposure: null, quantiles: null, minutes: 15 },
    quantiles: [],
    mix: null,
    needs: {
      reason: 'neither a change nor the absence of one is shown',
      detectableRatio: 2,
      moreMinutes: 40,
    },
    design: 'before_after',
    method: 'quasi-poisson@1',
    placebos: 0,
    exemplars: [],
    ...told,
  }
}

const deployment: Deployment = {
  id: 'd1',
  service: 'checkout',
  environment: 'live',
  version: '2.7.0',
  previousVersion: '2.6.0',
  startedAt: iso(START),
  finishedAt: null,
  source: 'api',
  status: 'succeeded',
  attributes: {},
}

/** A report with 15 minutes of evidence, final two hours after the start. */
function reportOf(state: Report['state'], verdicts: readonly Verdict[], told: Partial<Report> = {}): Report {
  const after = { from: iso(START + 5 * MINUTE), to: iso(START + 20 * MINUTE) }
  return {
    deployment,
    state,
    provisional: state === 'watching',
    headline: `2.7.0 is ${state}`,
    computedAt: iso(START + 20 * MINUTE),
    windows: { before: after, rollout: null, warmUp: null, after, finalAt: iso(START + 120 * MINUTE) },
    baselineVersion: '2.6.0',
    design: 'before_after',
    counts: { regressed: 0, improved: 0, unchanged: 0, inconclusive: 0 },
    adoption: { share: 1, instances: 1, requests: 800 },
    otherTraffic: {},
    verdicts: [...verdicts],
    notes: [],
    method: 'report@1',
    parameters: {},
    ...told,
  }
}

interface Told {
  readonly report?: Report | undefined
  readonly policy?: PartialPolicy
  readonly settings?: Partial<GateSettings>
  readonly trial?: string
  readonly minutes?: number
  readonly view?: Partial<GateView>
}

function decide({ report, policy = {}, trial = '', minutes = 20, view = {} }: Told) {
  return decideGate({
    service: 'checkout',
    environment: 'live',
    version: '2.7.0',
    now: START + minutes * MINUTE,
    until: START + 30 * MINUTE,
    since: START - 60 * MINUTE,
    deployment: report?.deployment,
    report,
    foundRegressed: undefined,
    others: [],
    policy: policyFor(gateSchema.parse({}), { service: 'checkout', environment: 'live' }, policy),
    isOnTrial: (signal) => signal === trial,
    earlyMinutes: 10,
    ...view,
  })
}

const worse = verdict({ word: 'regressed', interval: [1.5, 3], effectRatio: 2, needs: null })
const memory = verdict({
  signal: 'memory.heap',
  title: 'Heap',
  criticality: 'major',
  word: 'regressed',
  needs: null,
})
const sound = verdict({ word: 'unchanged', interval: [0.9, 1.1], needs: null })

describe('what each state means', () => {
  it.each([
    ['healthy', 'pass', 'promote'],
    ['regressed', 'fail', 'roll_back'],
    ['rolled_back', 'fail', 'hold'],
    ['inconclusive', 'fail', 'hold'],
    ['superseded', 'fail', 'hold'],
    ['no_data', 'fail', 'hold'],
  ] as const)('%s: %s, and the canary: %s', (state, decision, step) => {
    const decided = decide({ report: reportOf(state, state === 'regressed' ? [worse] : [sound]) })
    expect(decided).toMatchObject({ decision, step, outcome: state, settled: true, known: null })
    expect(decided.reasons[0]).not.toBe('')
    expect(decided.evidence[0]).toMatchObject({ after: { count: 800 }, confidence: 0.99 })
  })

  it('passes with a warning, or keeps what it would have blocked, as the policy says', () => {
    const report = reportOf('regressed', [worse])
    expect(decide({ report, policy: { regressed: 'warn' } })).toMatchObject({
      decision: 'pass',
      meaning: 'warn',
      outcome: 'regressed',
      shadow: [],
    })
    expect(decide({ report, policy: { regressed: 'shadow' } })).toMatchObject({
      decision: 'pass',
      meaning: 'shadow',
      shadow: [{ outcome: 'regressed', signals: ['errors.server'] }],
    })
  })
})

describe('a race', () => {
  it('waits for a release that nobody knows yet, and says where else it is known', () => {
    const others = [{ ...deployment, id: 'd0', environment: 'staging' }]
    const held = decide({ view: { others } })
    expect(held).toMatchObject({ decision: 'hold', settled: false, known: null })
    expect(held.reasons.join(' ')).toContain('into staging')
    expect(decide({ minutes: 30 })).toMatchObject({ decision: 'fail', outcome: 'no_data', settled: true })
    expect(decide({ minutes: 30, policy: { noData: 'warn' } })).toMatchObject({ decision: 'pass' })
  })

  it('never goes by a report from before the start that is known now, or of another deployment', () => {
    const report = reportOf('healthy', [sound])
    const moved = { ...report.deployment, startedAt: iso(START + 25 * MINUTE) }
    expect(decide({ report, view: { deployment: moved } }).decision).toBe('hold')
    expect(decide({ report, view: { deployment: { ...report.deployment, id: 'd2' } } }).decision).toBe('hold')
    const early = { ...report, computedAt: iso(START - MINUTE) }
    expect(decide({ report: early }).decision).toBe('hold')
    // Rolled back since: the report does not know that yet.
    const undone = { ...report.deployment, status: 'rolled_back' as const }
    expect(decide({ report, view: { deployment: undone } }).decision).toBe('hold')
  })

  it('gives no second chance to a deployment that a gate found regressed', () => {
    const found = { at: iso(START + 10 * MINUTE), reasons: ['errors doubled'] }
    const again = decide({ report: reportOf('healthy', [sound]), view: { foundRegressed: found } })
    expect(again).toMatchObject({ decision: 'fail', outcome: 'regressed' })
    expect(again.reasons).toContain('errors doubled')
    const undone = decide({ report: reportOf('rolled_back', [worse]), view: { foundRegressed: found } })
    expect(undone.outcome).toBe('rolled_back')
  })
})

it('a regression that somebody marked as a false alarm warns, and says who said so', () => {
  const cleared = { by: 'ana', at: iso(START), note: 'a load test' }
  const warned = decide({ report: reportOf('regressed', [worse]), view: { cleared } })
  expect(warned).toMatchObject({ decision: 'pass', meaning: 'warn', outcome: 'regressed', step: 'promote' })
  expect(warned.reasons[0]).toContain('false alarm by ana')
  expect(decide({ report: reportOf('inconclusive', [worse]), view: { cleared } }).decision).toBe('fail')
})

describe('while the watch goes on', () => {
  const watching = (verdicts: readonly Verdict[], told: Partial<Report> = {}) =>
    reportOf('watching', verdicts, told)

  it('holds with the time to know, counted from the report', () => {
    const held = decide({ report: watching([verdict({ interval: [0.5, 4] })]), minutes: 22 })
    expect(held).toMatchObject({ decision: 'hold', step: 'hold', outcome: 'watching' })
    expect(held.known).toEqual({ at: iso(START + 60 * MINUTE), minutes: 38, missing: ['server errors'] })
  })

  it('cannot take longer than the watch, and says so where no pace is known', () => {
    const slow = verdict({
      interval: [0.1, null],
      needs: { reason: '', detectableRatio: null, moreMinutes: null },
    })
    expect(decide({ report: watching([slow]) }).known?.at).toBe(iso(START + 120 * MINUTE))
  })

  it('is undecided when the time is over', () => {
    const open = watching([verdict({ interval: [0.5, 4] })])
    expect(decide({ report: open, minutes: 31 })).toMatchObject({ decision: 'fail', outcome: 'watching' })
    expect(decide({ report: open, minutes: 31, policy: { watching: 'warn' } }).decision).toBe('pass')
    expect(decide({ report: open, minutes: 31, view: { until: Number.POSITIVE_INFINITY } }).decision).toBe(
      'hold',
    )
  })

  it('passes early once the interval leaves no room for harm, not before the shortest time', () => {
    expect(decide({ report: watching([sound]) })).toMatchObject({ decision: 'pass', outcome: 'healthy' })
    expect(decide({ report: watching([sound]), view: { earlyMinutes: 0 } }).decision).toBe('hold')
    const short = decide({ report: watching([sound]), view: { earlyMinutes: 25 } })
    expect(short).toMatchObject({ decision: 'hold', known: { minutes: 10 } })
    // "unchanged" by the report alone is not enough while it is looked at again and again.
    expect(decide({ report: watching([{ ...sound, interval: [0.9, 2.5] }]) }).decision).toBe('hold')
    const drop = { ...sound, badDirection: 'down' as const, interval: [0.4, 1] as [number, number] }
    expect(decide({ report: watching([drop]) }).decision).toBe('hold')
    const fromZero = { ...sound, intervalOf: 'difference' as const, interval: [0, 0.001] as [number, number] }
    expect(decide({ report: watching([fromZero]) }).decision).toBe('pass')
  })

  it('does not pass while a sample ratio mismatch speaks against comparing the versions', () => {
    const comparability = [
      { check: 'sample ratio' as const, doubtful: true, pValue: 1e-9, summary: 'Got 30 %, meant 10 %.' },
    ]
    const held = decide({ report: watching([sound], { comparability }) })
    expect(held).toMatchObject({ decision: 'hold', outcome: 'watching' })
    expect(held.known?.missing).toEqual(['whether the versions are comparable'])
    expect(decide({ report: watching([sound], { comparability: [] }) }).decision).toBe('pass')
    const bad = decide({ report: reportOf('regressed', [worse], { comparability }) })
    expect(bad).toMatchObject({ decision: 'fail', outcome: 'regressed' })
  })

  it('takes silence for no data, not for health', () => {
    const none = { value: null, count: 0, bad: 0, exposure: null, quantiles: null, minutes: 0 }
    const silent = verdict({
      after: none,
      method: 'none',
      needs: { reason: 'no data after', detectableRatio: null, moreMinutes: null },
    })
    const nothing = { adoption: { share: 0, instances: 0, requests: 0 } }
    expect(decide({ report: watching([silent], nothing) }).decision).toBe('hold')
    expect(decide({ report: watching([silent], nothing), minutes: 30 })).toMatchObject({
      decision: 'fail',
      outcome: 'no_data',
    })
    // One critical signal went silent while others go on.
    expect(decide({ report: watching([silent, sound]) }).decision).toBe('hold')
  })
})

describe('a signal on trial', () => {
  it('does not block, and what it would have blocked is kept', () => {
    const report = reportOf('regressed', [memory, sound])
    expect(decide({ report })).toMatchObject({ decision: 'fail', shadow: [] })
    const passed = decide({ report, trial: 'memory.heap' })
    expect(passed).toMatchObject({
      decision: 'pass',
      outcome: 'healthy',
      shadow: [{ outcome: 'regressed', signals: ['memory.heap'] }],
    })
    expect(passed.evidence.find(({ signal }) => signal === 'memory.heap')).toMatchObject({ shadow: true })
  })

  it('hides nothing that another signal found', () => {
    const report = reportOf('regressed', [worse, memory])
    expect(decide({ report, trial: 'memory.heap' })).toMatchObject({ decision: 'fail', outcome: 'regressed' })
  })

  it('passes whatever it finds where all signals are on trial, and keeps that', () => {
    const all = { isOnTrial: () => true }
    expect(decide({ report: reportOf('regressed', [worse, memory]), view: all })).toMatchObject({
      decision: 'pass',
      outcome: 'regressed',
      meaning: 'shadow',
      shadow: [{ outcome: 'regressed', signals: ['errors.server', 'memory.heap'] }],
    })
    const open = reportOf('watching', [verdict({ interval: [0.5, 4] })])
    expect(decide({ report: open, minutes: 31, view: all })).toMatchObject({ decision: 'pass' })
  })

  it('leaves a watch open that only it had ended', () => {
    const report = reportOf('regressed', [memory, verdict({ interval: [0.5, 4] })], { provisional: true })
    expect(decide({ report, trial: 'memory.heap' })).toMatchObject({
      decision: 'hold',
      shadow: [{ signals: ['memory.heap'] }],
    })
  })

  it('does not make a release healthy that others could not clear', () => {
    const report = reportOf('regressed', [memory, verdict({ interval: [0.5, 4] })])
    expect(decide({ report, trial: 'memory.heap' }).outcome).toBe('inconclusive')
  })
})

describe('where the monitor watches', () => {
  const signal = (told: Partial<Watch['signals'][number]> = {}): Watch['signals'][number] => ({
    service: 'checkout',
    relation: 'own',
    signal: 'errors.server',
    title: 'Server errors',
    unit: '1',
    kind: 'ratio',
    criticality: 'critical',
    dimension: '',
    logE: null,
    logENeeded: null,
    before: 0.01,
    after: 0.01,
    ratio: 1,
    interval: [0.8, 1.3],
    since: iso(START),
    events: 8,
    exposure: 800,
    fresh: false,
    harm: 0,
    decided: 'not_worse',
    decidedBy: null,
    ...told,
  })
  const watchOf = (signals: Watch['signals'], told: Partial<Watch> = {}): Watch => ({
    deploymentId: 'd1',
    service: 'checkout',
    environment: 'live',
    version: '2.7.0',
    baselineVersion: '2.6.0',
    state: 'watching',
    headline: 'checkout 2.7.0 is watched.',
    openedAt: iso(START),
    closesAt: iso(START + 1440 * MINUTE),
    lookedAt: iso(START + 20 * MINUTE - 5000),
    completeTo: iso(START + 18 * MINUTE),
    nextStepAt: null,
    silentSince: null,
    share: 1,
    requests: 800,
    logE: null,
    threshold: 6.9,
    blame: null,
    rollback: null,
    callers: [],
    callees: [],
    signals,
    memory: { calmSince: null, ended: 0, endedAt: null, stepsNoted: 0, joined: [], returns: 0 },
    ...told,
  })
  const worseSignal = signal({ decided: 'worse', after: 0.05, ratio: 5, interval: [3, 8] })
  const healthyReport = reportOf('healthy', [sound])

  it('its word counts, not the report’s: a deployment has one test', () => {
    const watch = watchOf([worseSignal], { state: 'regressed', headline: 'errors went up' })
    const failed = decide({ report: healthyReport, view: { watch } })
    expect(failed).toMatchObject({ decision: 'fail', outcome: 'regressed', step: 'roll_back' })
    expect(failed.reasons).toEqual(['errors went up', 'Server errors got worse (1 % -> 5 %).'])
    expect(failed.evidence[0]).toMatchObject({
      effectRatio: 5,
      interval: [3, 8],
      before: { count: 5000 },
      after: { count: 800 },
    })
    // What harms most comes first, as in the alert; of the same harm what there is most evidence of.
    const slower = signal({ decided: 'worse', signal: 'db.duration', title: 'Calls', harm: 3, logE: 90 })
    const reasons = decide({
      report: healthyReport,
      view: {
        watch: watchOf([slower, { ...worseSignal, harm: 40 }, { ...slower, title: 'More calls' }], {
          state: 'regressed',
        }),
      },
    }).reasons
    expect(reasons.map((reason) => reason.split(' got')[0])).toEqual([
      'checkout 2.7.0 is watched.',
      'Server errors',
      'Calls',
      'More calls',
    ])
    // What is sound or not decided is not said to have got worse, and an interval of a billion is none.
    const others = [signal({ after: 0.01 }), signal({ decided: 'open', after: 0.012, interval: [1e-6, 1e6] })]
    const mixed = decide({
      report: healthyReport,
      view: { watch: watchOf([worseSignal, ...others], { state: 'regressed' }) },
    })
    expect(mixed.evidence.map(({ summary, interval }) => [summary, interval])).toEqual([
      ['Server errors got worse (1 % -> 5 %).', [3, 8]],
      ['Server errors: no worse (1 % -> 1 %).', [0.8, 1.3]],
      ['Server errors: not decided (1 % -> 1.2 %).', [null, null]],
    ])
    const elsewhere = watchOf([worseSignal, signal({ decided: 'open', interval: null })])
    expect(decide({ report: reportOf('regressed', [worse]), view: { watch: elsewhere } }).decision).toBe(
      'hold',
    )
  })

  it('passes early once every critical signal is shown to be sound at all looks together', () => {
    const view = (signals: Watch['signals']) => ({ watch: watchOf(signals), deployment })
    expect(decide({ view: view([signal()]) })).toMatchObject({ decision: 'pass', outcome: 'healthy' })
    expect(decide({ view: view([signal({ decided: 'open', interval: [0.5, 1.9] })]) }).decision).toBe('pass')
    const open = signal({ decided: 'open', interval: [0.2, 5], decidedBy: iso(START + 60 * MINUTE) })
    const held = decide({ view: view([signal(), open]) })
    expect(held).toMatchObject({ decision: 'hold', known: { missing: ['server errors'] } })
    expect(held.known?.minutes).toBe(40)
    // What only its callers show is no sign of health.
    expect(decide({ view: view([signal({ relation: 'caller' })]) }).decision).toBe('hold')
  })

  it('does not outvote a sample ratio mismatch of the report', () => {
    const summary = 'Got 30 %, meant 10 %.'
    const comparability = [{ check: 'sample ratio' as const, doubtful: true, pValue: 1e-9, summary }]
    const report = reportOf('inconclusive', [sound], { comparability })
    expect(decide({ report, view: { watch: watchOf([signal()]) } }).decision).toBe('hold')
    const over = watchOf([signal()], { state: 'healthy', headline: 'sound', closesAt: iso(START) })
    const failed = decide({ report, view: { watch: over } })
    expect(failed).toMatchObject({ decision: 'fail', step: 'hold', outcome: 'inconclusive' })
    expect(failed.reasons).toEqual([summary, 'sound'])
  })

  it('is not believed once nobody looks any more, or for another deployment', () => {
    const regressed = { state: 'regressed' as const, headline: 'x' }
    const stale = watchOf([worseSignal], { ...regressed, lookedAt: iso(START + 10 * MINUTE) })
    expect(decide({ report: healthyReport, view: { watch: stale } }).outcome).toBe('healthy')
    const other = watchOf([worseSignal], { ...regressed, deploymentId: 'd2' })
    expect(decide({ report: healthyReport, view: { watch: other } }).outcome).toBe('healthy')
  })

  it('leaves out what is on trial', () => {
    const watch = watchOf([worseSignal, signal({ signal: 'latency.server', title: 'Latency' })], {
      state: 'regressed',
    })
    expect(decide({ trial: 'errors.server', view: { watch, deployment } })).toMatchObject({
      decision: 'pass',
      outcome: 'healthy',
      shadow: [{ outcome: 'regressed', signals: ['errors.server'] }],
    })
  })
})
