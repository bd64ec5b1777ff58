import { expect, test } from 'vitest'
import type { LiveWatch } from '../../schemas/contracts/live-watch.ts'
import type { Watch } from '../../schemas/contracts/watch.ts'
import { watchPage } from './watch.ts'

const at = '2026-03-01T12:00:00.000Z'
const of = { service: 'checkout', environment: 'prod', version: '2.7.0' }

function worse(title: string, told: Partial<Watch['signals'][number]>): Watch['signals'][number] {
  return {
    service: 'checkout',
    relation: 'own',
    signal: 'errors.server',
    title,
    unit: 'ratio',
    kind: 'ratio',
    criticality: 'critical',
    dimension: '',
    logE: 10,
    logENeeded: 7,
    before: 0.01,
    after: 0.1,
    ratio: 10,
    interval: null,
    since: at,
    events: 10,
    exposure: 100,
    fresh: false,
    harm: 0,
    decided: 'worse',
    decidedBy: null,
    ...told,
  }
}

function live(signals: Watch['signals']): LiveWatch {
  return {
    deployment: {
      ...{ id: 'd1', ...of, previousVersion: '2.6.0', startedAt: at, finishedAt: null },
      ...{ source: 'api', status: 'succeeded', attributes: {} },
    },
    state: 'regressed',
    headline: 'worse',
    watch: {
      ...{ deploymentId: 'd1', ...of, baselineVersion: '2.6.0', state: 'regressed', headline: 'worse' },
      ...{ openedAt: at, closesAt: at, lookedAt: at, completeTo: at, nextStepAt: null, silentSince: null },
      ...{ share: 1, requests: 100, logE: 10, threshold: 7, blame: null, rollback: null },
      ...{ callers: [], callees: [], signals },
    },
    reportedAt: at,
    ...{ events: [], gates: [], alerts: [], marks: [] },
  }
}

test('what is worse stands in the order of harm, as in the alert', () => {
  // As they are stored: most evidence first.
  const page = watchPage({
    live: live([
      worse('Of a callee', { relation: 'callee', service: 'stock', harm: 500, logE: 300 }),
      worse('Queries', { harm: 2, logE: 200 }),
      worse('More rows', { harm: 2, logE: 100 }),
      worse('Failed orders', { harm: 90, logE: 20 }),
    ]),
    now: Date.parse(at),
    token: '',
  })
  expect([...page.matchAll(/<th scope="row">([^<]+?) *</g)].map(([, title]) => title)).toEqual([
    'Failed orders',
    'Queries',
    'More rows',
    'Of a callee',
  ])
})

test('has the place of each trace that links of its alerts lead to, once, and no level of what has not come since', () => {
  const reasons = ['POST /pay fails; trace 0af7', 'new exception; trace 0af7', 'GET / is slower'].map(
    (summary) => ({ signal: 'errors.server', dimension: '', summary }),
  )
  const alert: LiveWatch['alerts'][number] = {
    ...{ id: 'regression-d1', kind: 'regression', deploymentId: 'd1', ...of, status: 'firing' },
    ...{ severity: 'page', revision: 1, startsAt: at, endsAt: null, updatedAt: at, summary: 'worse' },
    ...{ link: '', links: [], owner: '', shadow: false, resolution: null, acknowledged: null },
    ...{ mutedUntil: null, deliveries: [], reasons },
  }
  const silent = worse('Silent', { decided: 'open', exposure: 0, after: 0.123 })
  const page = watchPage({
    live: { ...live([silent]), alerts: [alert] },
    now: Date.parse(at),
    token: null,
  })
  expect(page.match(/id="trace-0af7"/g)).toHaveLength(1)
  expect(page).toContain('GET / is slower')
  expect(page).not.toContain('0.123')
})
