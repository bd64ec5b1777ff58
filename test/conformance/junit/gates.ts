import type { Gate, GateEvidence } from '../../../schemas/contracts/gate.ts'

export function evidenceOf(told: Partial<GateEvidence> = {}): GateEvidence {
  return {
    signal: 'latency.server',
    title: 'Server response time',
    dimension: 'GET /<script>"&\u0000\ud800|`x`',
    criticality: 'critical',
    unit: 's',
    word: 'regressed',
    summary: 'GET /<b> answers 2x slower & "worse"]]>; 99 % interval.',
    effectRatio: 2,
    effectDifference: 0.2,
    interval: [1.5, null],
    intervalOf: 'ratio',
    confidence: 0.99,
    before: { value: 0.2, count: 12_345 },
    after: { value: 0.4, count: 0 },
    shadow: false,
    ...told,
  }
}

/** Gates of every decision, with names that no format may trip over. */
export function gatesOfAllKinds(): readonly Gate[] {
  const gate: Gate = {
    id: 'g1',
    service: '@shop/check_out',
    environment: 'live',
    version: '2.7.0 [x](http://evil) `tick` <img> | @team',
    openedAt: '2026-01-01T00:00:00.000Z',
    until: '2026-01-01T00:30:00.000Z',
    since: '2025-12-31T00:00:00.000Z',
    policy: {
      regressed: 'block',
      rolledBack: 'block',
      inconclusive: 'block',
      superseded: 'block',
      noData: 'block',
      watching: 'block',
    },
    decision: 'fail',
    step: 'roll_back',
    outcome: 'regressed',
    meaning: 'block',
    settled: true,
    reasons: ['first <reason>\nsecond line & more', '[a link](http://evil)'],
    evidence: [
      evidenceOf(),
      evidenceOf({ shadow: true }),
      evidenceOf({ word: 'inconclusive' }),
      evidenceOf({ word: 'unchanged', intervalOf: 'difference', effectDifference: null }),
    ],
    known: null,
    deploymentId: 'd1',
    deployedAt: '2026-01-01T00:00:00.000Z',
    baselineVersion: null,
    reportedAt: null,
    decidedAt: '2026-01-01T00:01:01.500Z',
    link: '/releases/x/y?environment=live&a=b',
  }
  return [
    gate,
    { ...gate, decision: 'pass', meaning: 'warn', step: 'promote' },
    { ...gate, decision: 'pass', meaning: null, outcome: 'healthy', step: 'promote', evidence: [] },
    { ...gate, decision: 'hold', meaning: null, outcome: 'watching', settled: false, decidedAt: null },
    { ...gate, outcome: 'no_data', deployedAt: null, evidence: [] },
  ]
}
