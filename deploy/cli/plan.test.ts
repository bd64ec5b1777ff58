import { expect, it } from 'vitest'
import { planText } from './plan.ts'

it('fits a terminal, whatever the names are', () => {
  const row = {
    signal: 'latency.server',
    title: 'Server response time',
    kind: 'distribution',
    criticality: 'critical',
    dimension: `GET /${'items/'.repeat(12)}`,
    change: 1.15,
    minutes: null,
    canaryShare: null,
    detectable: { 60: 123.4 },
    detectableBeside: {},
  } as const
  const text = planText(
    {
      service: 'checkout',
      environment: 'prod',
      computedAt: '2026-03-20T00:00:00Z',
      change: null,
      power: 0.8,
      alpha: 0.01,
      watchMinutes: 60,
      moments: { 60: 3 },
      signals: [row, { ...row, kind: 'gauge', dimension: '', minutes: 120, detectable: {} }],
      notes: ['There is no quiet past yet to calibrate with.'],
    },
    (_, plain) => plain,
  )
  expect(text).toContain('120x')
  expect(text).toContain('over 24 h')
  for (const line of text.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80)
})
