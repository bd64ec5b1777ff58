import type { Config } from '../../../schemas/config.ts'
import type { Receiver } from '../receiver.ts'
import { alertmanager } from './alertmanager.ts'
import { email } from './email.ts'
import { heartbeat } from './heartbeat.ts'
import { openTelemetry } from './open-telemetry.ts'
import { pagerduty } from './pagerduty.ts'
import { slack } from './slack.ts'
import { teams } from './teams.ts'
import { template } from './template.ts'
import { webhook } from './webhook.ts'

/** The receivers that the settings name. */
export function receiversOf({
  alerts,
  selfObservation,
}: Pick<Config, 'alerts' | 'selfObservation'>): readonly Receiver[] {
  return [
    ...alerts.webhooks.map(webhook),
    ...alerts.alertmanagers.map(alertmanager),
    ...alerts.pagerduty.map(pagerduty),
    ...alerts.slack.map(slack),
    ...alerts.teams.map(teams),
    ...alerts.templates.map(template),
    ...alerts.email.map(email),
    ...alerts.openTelemetry.map((settings) => openTelemetry(settings, selfObservation.endpoint)),
    ...alerts.heartbeats.map(heartbeat),
  ]
}
