import { expect, it } from 'vitest'
import type { Verification } from '../../schemas/contracts/verification.ts'
import { verificationText } from './verify.ts'

const inputs = { telemetry: 'a', quietPast: 'b', deployments: 'c', settings: 'd' }
const differing: Verification = {
  ...{ deploymentId: '1', service: 'checkout', version: '2.5.0', environment: 'prod' },
  ...{ computedAt: '2026-03-20T00:00:00Z', verifiedAt: '2026-03-21T00:00:00Z', outcome: 'inputs_changed' },
  ...{
    changedInputs: ['quietPast'],
    stored: null,
    recomputed: { inputs, method: 'report@4' },
    compared: 434,
  },
  differences: Array.from({ length: 14 }, (_, index) => ({
    signal: 'latency.server',
    dimension: `GET /${'orders/'.repeat(9)}${index}`,
    field: 'adjustedPValue',
    stored: 4.95510985684674e-13,
    recomputed: index === 0 ? 'inconclusive' : 0.0000010503108942731449,
  })),
}

it('shows what differs in a table that fits a terminal, and how much more there is', () => {
  const text = verificationText(differing, (_, plain) => plain)
  expect(text).toContain('Changed    quiet past')
  expect(text).toContain('adjustedPValue')
  expect(text).toContain('4.9551099e-13')
  expect(text).toContain('... and 2 more: --json')
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80)
})

it('says by which methods a report was made before an upgrade, and claims nothing of its inputs', () => {
  const upgraded: Verification = {
    ...differing,
    ...{ outcome: 'method_changed', changedInputs: [], stored: { inputs, method: 'report@3' } },
  }
  const text = verificationText(upgraded, (_, plain) => plain)
  expect(text).toContain('another method')
  expect(text).toMatch(/^Report .* method report@3$/m)
  expect(text).toMatch(/^Now .* report@4$/m)
  expect(text).not.toContain('Changed')
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80)
})
