import { expect, it } from 'vitest'
import type { Incident } from '../../schemas/contracts/alert.ts'
import type { Deployment } from '../../schemas/contracts/deployment.ts'
import { headlineOf } from './watch-row.ts'

const deployment = { service: 'checkout', version: '2.7.0' } as Deployment
const resolved = {
  status: 'resolved',
  summary: 'checkout 2.7.0: POST /orders fails 6x more often (1 % -> 6 %)',
} as Incident

it('a watch that ended by a rollback says what its alert had said', () => {
  expect(headlineOf(deployment, 'rolled_back', resolved, undefined)).toBe(
    'checkout 2.7.0 was rolled back after the alert "POST /orders fails 6x more often (1 % -> 6 %)".',
  )
  expect(headlineOf(deployment, 'rolled_back', undefined, undefined)).toBe('checkout 2.7.0 was rolled back.')
  expect(headlineOf(deployment, 'superseded', resolved, undefined)).toContain(
    'superseded by the next release after the alert',
  )
})
