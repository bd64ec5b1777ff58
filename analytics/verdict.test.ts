import { expect, test } from 'vitest'
import type { Measured } from './compare/comparison.ts'
import { type Candidate, decide } from './verdict.ts'

const quiet: Measured = {
  kind: 'measured',
  method: 'test@1',
  statistic: 'rate',
  effect: { ratio: 1.01, difference: 0.01, before: 1, after: 1.01 },
  interval: [0.95, 1.08],
  differenceInterval: [-0.05, 0.08],
  confidence: 0.99,
  deviation: 0.025,
  standardError: 0.025,
  scale: 'log',
  degreesOfFreedom: 100,
  studentised: 0.4,
  pValue: 0.7,
  pWorse: 0.35,
  pBetter: 0.65,
  pEquivalence: 1e-6,
  pNotWorse: 1e-6,
  beyond: 'no',
  smallestSeen: 1.1,
  moreMinutes: 0,
  moreExposure: 0,
  n: {
    before: { minutes: 1440, events: 100, exposure: 1000 },
    after: { minutes: 120, events: 10, exposure: 100 },
  },
  dispersion: 1,
  autocorrelation: 0,
  drift: 0,
  placebos: 0,
  controls: 0,
}

const bad = (p: number): Measured => ({
  ...quiet,
  effect: { ratio: 2, difference: 1, before: 1, after: 2 },
  interval: [1.5, 2.6],
  studentised: 8,
  pValue: 2 * p,
  pWorse: p,
  pBetter: 1 - p,
  pEquivalence: 1,
  pNotWorse: 1,
  beyond: 'worse',
})

function family(
  first: Candidate['comparison'],
  criticality: Candidate['criticality'] = 'major',
): Candidate[] {
  return Array.from({ length: 100 }, (_, i) => ({
    signal: `signal ${i % 20}`,
    dimension: i < 20 ? '' : `route ${i}`,
    title: 'Something',
    unit: 's',
    criticality: i === 0 ? criticality : 'critical',
    bad: 'up' as const,
    comparison: i === 0 ? first : quiet,
  }))
}

test('one strong series among a hundred makes the deployment regressed, and is its reason', () => {
  const verdict = decide(family(bad(1e-6)))
  expect(verdict.state).toBe('regressed')
  expect(verdict.series[0]?.word).toBe('regressed')
  expect(verdict.reasons).toHaveLength(1)
  expect(verdict.reasons[0]).toContain('2 times')
  expect(verdict.series.slice(1).every((s) => s.word === 'unchanged')).toBe(true)
})

test('a p that false-discovery control lets pass but the family does not is no page', () => {
  const verdict = decide(family(bad(2e-4), 'critical'))
  expect(verdict.state).not.toBe('regressed')
  expect(verdict.series[0]?.word).toBe('inconclusive')
  expect(verdict.series[0]?.familyP).toBeCloseTo(0.02, 6)
})

test('what is critical gets more of the error, and silent series get none of it', () => {
  expect(decide(family(bad(2e-4), 'minor')).series[0]?.familyP).toBeCloseTo(2e-4 * 2 * 198.5, 6)
  const silent = family(bad(2e-4), 'critical').map((candidate, i) =>
    i < 40 ? candidate : { ...candidate, comparison: { ...quiet, attainable: 0.5 } },
  )
  const verdict = decide(silent)
  expect(verdict.series[0]?.familyP).toBeCloseTo(2e-4 * 40, 6)
  expect(verdict.state).toBe('regressed')
})

test('what matters too little, or is for information, does not make a deployment regressed', () => {
  expect(decide(family({ ...bad(1e-9), beyond: 'no' })).state).toBe('healthy')
  const info = decide(family(bad(1e-9), 'info'))
  expect(info.state).toBe('healthy')
  expect(info.series[0]?.word).toBe('regressed')
})

test('silence is no health', () => {
  const silent = { kind: 'undecidable', reason: 'no data after', needs: 'traffic' } as const
  expect(decide(family(silent, 'critical')).state).toBe('inconclusive')
  expect(decide(family(silent).slice(0, 1)).state).toBe('no_data')
  expect(decide([]).state).toBe('no_data')
})

test('an undecided series says what it takes', () => {
  const open = { ...quiet, pEquivalence: 0.5, pNotWorse: 0.5, smallestSeen: 1.8, moreMinutes: 340 }
  const verdict = decide(family(open))
  expect(verdict.series[0]).toMatchObject({
    word: 'inconclusive',
    needs: { detectableRatio: 1.8, moreMinutes: 340 },
  })
  expect(verdict.series[0]?.summary).toContain('340 more minutes')
})

test('what was worse for some minutes that are left out is neither unchanged nor a sign of health', () => {
  const family = (wasWorse: boolean): Candidate[] => [
    {
      signal: 'errors.server',
      dimension: '',
      title: 'Failures',
      unit: '1',
      criticality: 'critical',
      bad: 'up',
      comparison: quiet,
      wasWorse,
    },
  ]
  expect(decide(family(false))).toMatchObject({ state: 'healthy', series: [{ word: 'unchanged' }] })
  const verdict = decide(family(true))
  expect(verdict).toMatchObject({ state: 'inconclusive', series: [{ word: 'inconclusive' }] })
  expect(verdict.series[0]?.needs?.reason).toContain('began later than the release and are over')
})
