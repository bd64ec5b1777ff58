import { type AlertNotice, alertNoticeId } from '../../analytics/alerts/notice.ts'
import type { Alert, Incident } from '../../schemas/contracts/alert.ts'
import type { Report } from '../../schemas/contracts/report.ts'

/** @param now milliseconds */
export function firingIncident(now: number, changes: Partial<Incident> = {}): Incident {
  return {
    id: 'regression-1',
    kind: 'regression',
    deploymentId: '1',
    service: 'checkout',
    environment: 'live',
    version: '2.7.0',
    status: 'firing',
    severity: 'page',
    revision: 1,
    startsAt: new Date(now).toISOString(),
    endsAt: null,
    updatedAt: new Date(now).toISOString(),
    summary: '2.7.0 made checkout worse: POST /pay answers 1.8x slower',
    reasons: [{ signal: 'latency.server', dimension: 'POST /pay', summary: 'POST /pay answers 1.8x slower' }],
    link: 'http://127.0.0.1:8080/releases/checkout/2.7.0?environment=live',
    links: [{ title: 'First trace', url: 'http://127.0.0.1:8080/traces/1' }],
    owner: 'payments',
    shadow: false,
    resolution: null,
    ...changes,
  }
}

/** The alert of that incident, of which nobody has heard. @param now milliseconds */
export function alertThat(now: number, changes: Partial<Alert> = {}): Alert {
  return { ...firingIncident(now), acknowledged: null, mutedUntil: null, deliveries: [], ...changes }
}

/** @param now milliseconds */
export function noticeThat(
  event: AlertNotice['event'],
  now: number,
  changes: Partial<Alert> = {},
): AlertNotice {
  const { deliveries: _, ...alert } = alertThat(now, {
    ...(event === 'resolved'
      ? {
          status: 'resolved',
          revision: 2,
          endsAt: new Date(now + 60_000).toISOString(),
          resolution: 'rolled back',
        }
      : {}),
    ...(event === 'acknowledged'
      ? { acknowledged: { by: 'Ada', at: new Date(now + 1000).toISOString() } }
      : {}),
    ...changes,
  })
  return {
    kind: 'alert',
    id: alertNoticeId(alert, event),
    event,
    alert,
    update: false,
    formerSeverities: [],
    acknowledgeUrl: `http://127.0.0.1:8080/alerts#${alert.id}`,
  }
}

/** A report without verdicts: what alerts look at is its state. */
export function reportThatIs(state: Report['state'], id: string): Report {
  const at = '2026-01-01T00:00:00.000Z'
  const span = { from: at, to: at }
  return {
    deployment: {
      id,
      service: 'checkout',
      environment: 'live',
      version: '2.7.0',
      previousVersion: '2.6.0',
      startedAt: at,
      finishedAt: null,
      source: 'discovered',
      status: 'succeeded',
      attributes: {},
    },
    state,
    provisional: true,
    headline: '2.7.0 made checkout worse',
    computedAt: at,
    windows: { before: span, rollout: null, warmUp: null, after: span, finalAt: at },
    baselineVersion: '2.6.0',
    design: 'before_after',
    counts: { regressed: 1, improved: 0, unchanged: 0, inconclusive: 0 },
    adoption: { share: 1, instances: 1, requests: 1 },
    otherTraffic: {},
    verdicts: [],
    notes: [],
    method: 'report@1',
    parameters: {},
  }
}
