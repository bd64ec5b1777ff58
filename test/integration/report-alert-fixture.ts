import type { Alert } from '../../schemas/contracts/alert.ts'
import type { Report } from '../../schemas/contracts/report.ts'

/** @param now milliseconds */
export function firingAlert(now: number): Alert {
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
    summary: '2.7.0 made checkout worse',
    reasons: [{ signal: 'latency.server', dimension: 'POST /pay', summary: 'POST /pay answers 1.8x slower' }],
    link: 'http://127.0.0.1:8080/releases/checkout/2.7.0?environment=live',
    links: [],
    owner: 'payments',
    shadow: false,
    resolution: null,
    acknowledged: null,
    mutedUntil: null,
    deliveries: [],
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
