import { expect, it } from 'vitest'
import { alertsPage } from '../../api/pages/alerts.ts'
import { alertThat } from './report-alert-fixture.ts'

it('shows what fires before what is over, whatever is newer', () => {
  const now = Date.UTC(2026, 0, 1)
  const page = alertsPage({
    alerts: [
      alertThat(now, { id: 'over', status: 'resolved', endsAt: new Date(now).toISOString() }),
      alertThat(now - 3_600_000, { id: 'fires' }),
    ],
    mutes: [],
    receivers: [],
    permission: () => ({ kind: 'send' }),
    token: '',
  })
  expect([...page.matchAll(/<article[^>]* id="(\w+)"/g)].map(([, id]) => id)).toEqual(['fires', 'over'])
})
