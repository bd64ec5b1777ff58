import { alertUrl, reportUrl } from './links.ts'
import { type AlertNotice, alertNoticeId, type Notice, type NoticeEvent } from './notice.ts'

const MINUTE = 60_000

/**
 * A made-up notice that says so, for previews and tests of receivers.
 * @param publicUrl without a slash at the end
 * @param now milliseconds
 */
export function sampleNotice(event: NoticeEvent, publicUrl: string, now: number): Notice {
  const about = { service: 'postflight-test', environment: 'test', version: '2.7.0' }
  const at = (minutes: number) => new Date(now + minutes * MINUTE).toISOString()
  const link = reportUrl(publicUrl, about)
  if (event === 'deployment') {
    const deployment = {
      ...about,
      id: `test-${now}`,
      previousVersion: '2.6.0',
      startedAt: at(0),
      finishedAt: null,
      source: 'api',
      status: 'succeeded',
      attributes: {},
    } as const
    return { kind: 'deployment', id: `deployment-${deployment.id}`, event, deployment, link }
  }
  const alert: AlertNotice['alert'] = {
    ...about,
    id: 'postflight-test',
    kind: 'regression',
    deploymentId: 'test',
    status: event === 'resolved' ? 'resolved' : 'firing',
    severity: 'note',
    // Receivers that know notices again must not take this test for the one before.
    revision: Math.floor(now / 1000),
    startsAt: at(-12),
    endsAt: event === 'resolved' ? at(0) : null,
    updatedAt: at(0),
    summary: 'This is a test of Postflight: POST /pay answers 1.8x slower at p95 (212 ms -> 381 ms)',
    reasons: [
      {
        signal: 'latency.server',
        dimension: 'POST /pay',
        summary: 'POST /pay answers 1.8x slower at p95 (212 ms -> 381 ms)',
      },
      {
        signal: 'errors.server',
        dimension: 'POST /pay',
        summary: 'POST /pay fails 5x as often (1 % -> 5 %)',
      },
    ],
    link,
    links: [],
    owner: 'nobody',
    shadow: false,
    resolution: event === 'resolved' ? 'the test is over' : null,
    acknowledged: event === 'acknowledged' ? { by: 'a test', at: at(0) } : null,
    mutedUntil: null,
  }
  return {
    kind: 'alert',
    id: alertNoticeId(alert, event),
    event,
    alert,
    update: false,
    formerSeverities: [],
    acknowledgeUrl: alertUrl(publicUrl, alert.id),
  }
}
