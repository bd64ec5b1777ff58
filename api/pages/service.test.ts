import { expect, test } from 'vitest'
import { servicePage } from './service.ts'

const of = { service: 'orders-db', environment: 'prod' }
const at = '2026-03-01T12:00:00.000Z'

function page(
  users: readonly string[],
  shares: readonly { readonly name: string; readonly services: readonly string[] }[],
): string {
  return servicePage({
    service: { service: of.service, environments: [] },
    environment: of.environment,
    releases: [],
    trends: [],
    quarter: { ...of, from: at, to: at, stepSeconds: 86_400, times: [], releases: [], signals: [] },
    calibration: { ...of, moments: 0, comparisons: 0, all: [], signals: [] },
    rests: [],
    historyRests: [],
    users,
    shares,
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
