import type { PagerdutySettings } from '../../../schemas/alerts.ts'
import { readSecret } from '../../../schemas/secret.ts'
import { cut, messageOf } from '../message.ts'
import type { Notice } from '../notice.ts'
import type { Receiver } from '../receiver.ts'
import { JSON_TYPE, jsonRendering, sendHttp } from './http.ts'

/** Characters that PagerDuty takes. */
const SUMMARY = 1024
const DEDUP_KEY = 255
const SEVERITIES = { page: 'critical', ticket: 'warning', note: 'info' } as const
const ACTIONS = { firing: 'trigger', acknowledged: 'acknowledge', resolved: 'resolve' } as const

/**
 * PagerDuty, Events API v2: trigger, acknowledge and resolve by `dedup_key`, so that one alert is one incident however often it is sent; deployments as
 * change events.
 */
export function pagerduty(settings: PagerdutySettings): Receiver {
  return {
    name: `pagerduty:${settings.name}`,
    events: new Set([
      'firing',
      'acknowledged',
      'resolved',
      ...(settings.changes ? (['deployment'] as const) : []),
    ]),
    heartbeat: false,
    deduplicates: true,
    repeatEvery: null,
    render: (notice) => jsonRendering({ routing_key: '(secret)', ...eventOf(notice) }),
    send: async (notice) => {
      const routingKey = await readSecret(settings.routingKey, settings.routingKeyFile)
      const path = notice.kind === 'deployment' ? '/v2/change/enqueue' : '/v2/enqueue'
      return await sendHttp({
        url: `${settings.url.replace(/\/+$/, '')}${path}`,
        headers: JSON_TYPE,
        body: JSON.stringify({ routing_key: routingKey, ...eventOf(notice) }),
        secrets: [routingKey],
      })
    },
  }
}

function eventOf(notice: Notice): object {
  const message = messageOf(notice)
  const links = message.links.map(({ title, url }) => ({ href: url, text: title }))
  if (notice.kind === 'deployment') {
    const { deployment } = notice
    return {
      payload: {
        summary: cut(message.title, SUMMARY),
        timestamp: deployment.startedAt,
        source: deployment.service,
        custom_details: { ...Object.fromEntries(message.facts), ...deployment.attributes },
      },
      links,
    }
  }
  const { alert } = notice
  const identity = {
    event_action: ACTIONS[notice.event],
    dedup_key: cut(alert.id, DEDUP_KEY),
  }
  if (notice.event !== 'firing') return identity
  return {
    ...identity,
    payload: {
      summary: cut(alert.summary, SUMMARY),
      source: alert.service,
      severity: SEVERITIES[alert.severity],
      timestamp: alert.startsAt,
      component: alert.service,
      group: alert.environment,
      class: alert.reasons[0]?.signal ?? alert.kind,
      custom_details: { ...Object.fromEntries(message.facts), Reasons: message.reasons },
    },
    links,
    client: 'Postflight',
    client_url: alert.link,
  }
}
