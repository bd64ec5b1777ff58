import { expect, test } from 'vitest'
import type { Alert } from '../../schemas/contracts/alert.ts'
import type { DeploymentSummary } from '../../schemas/contracts/release.ts'
import { type ServicePage, servicePage } from './service.ts'

const of = { service: 'orders-db', environment: 'prod' }
const at = '2026-03-01T12:00:00.000Z'

function page(
  users: readonly string[],
  shares: readonly { readonly name: string; readonly services: readonly string[] }[],
  more: Partial<ServicePage> = {},
): string {
  return servicePage({
    service: { service: of.service, environments: [] },
    environment: of.environment,
    releases: [],
    firing: [],
    trends: [],
    quarter: { ...of, from: at, to: at, stepSeconds: 86_400, times: [], releases: [], signals: [] },
    calibration: { ...of, moments: 0, comparisons: 0, all: [], signals: [] },
    rests: [],
    historyRests: [],
    users,
    shares,
    ...more,
  })
}

test('a database that services share names them, and a service what it shares', () => {
  expect(page(['checkout', 'cart & co'], [])).toContain(
    'Used by <a href="/services/checkout?environment=prod">checkout</a>, <a href="/services/cart%20%26%20co?environment=prod">cart &#38; co</a>:',
  )
  const shares = [{ name: 'orders-db', services: ['checkout', 'cart'] }]
  expect(page([], shares)).toContain('Uses <a href="/services/orders-db?environment=prod">orders-db</a>,')
  expect(page([], [])).not.toMatch(/Uses|Used by/)
})

test('a deployment that is watched shows its alert, not that nothing is worse', () => {
  const deployment: DeploymentSummary = {
    ...{ deploymentId: '1', ...of, version: '2.7.0', previousVersion: '2.6.0', startedAt: at },
    ...{ status: 'succeeded', source: 'api', state: 'watching', provisional: true, computedAt: at },
    ...{ headline: 'nothing has got worse so far', counts: null, adoption: null },
  }
  const releases = [
    { service: of.service, version: '2.7.0', firstSeen: null, lastSeen: null, deployments: [deployment] },
  ]
  const firing: readonly Alert[] = [
    {
      ...{ id: 'regression-1', kind: 'regression', deploymentId: '1', ...of, version: '2.7.0' },
      ...{ status: 'firing', severity: 'page', revision: 1, startsAt: at, endsAt: null, updatedAt: at },
      ...{ summary: 'POST /pay fails', reasons: [], link: '', links: [], owner: '', shadow: false },
      ...{ resolution: null, acknowledged: null, mutedUntil: null, deliveries: [] },
    },
  ]
  expect(page([], [], { releases })).toContain('nothing has got worse so far')
  const shown = page([], [], { releases, firing })
  expect(shown).toContain('Firing')
  expect(shown).toContain('POST /pay fails')
  expect(shown).not.toContain('nothing has got worse so far')
})
