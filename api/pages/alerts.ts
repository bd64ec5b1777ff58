import { html } from 'ghtml'
import type { Alert } from '../../schemas/contracts/alert.ts'
import { moment, prose, releasePath, servicePath } from './format.ts'
import { layout } from './layout.ts'

/** Alerts, newest first, with what each receiver was told. */
export function alertsPage(alerts: readonly Alert[]): string {
  const firing = alerts.filter((alert) => alert.status === 'firing').length
  return layout({
    title: 'Alerts',
    active: 'alerts',
    refreshSeconds: 30,
    main: html`<div class="title"><h1>Alerts</h1><p class="lead">${firing === 0 ? 'None is firing.' : `${firing} firing.`}</p></div>
!${alerts.length === 0 ? html`<p class="muted">An alert appears here when a deployment's verdict turns to regressed.</p>` : ''}
!${alerts.map(
      (alert) => html`<article class="finding alert ${alert.status}">
<h2><span class="badge ${alert.status === 'firing' ? 'bad' : 'quiet'}"><span aria-hidden="true">${alert.status === 'firing' ? '●' : '✓'}</span> ${alert.status === 'firing' ? 'Firing' : 'Resolved'}</span> <a href="${servicePath(alert.service)}">${alert.service}</a> <a class="version" href="${releasePath(alert.service, alert.version, alert.environment)}">${alert.version}</a> <span class="muted">${alert.environment}</span></h2>
<p class="summary">${prose(alert.summary)}</p>
!${alert.reasons.length === 0 ? '' : html`<ul>!${alert.reasons.map((reason) => html`<li>${prose(reason.summary)}</li>`)}</ul>`}
<p class="fine">Since !${moment(alert.startsAt)}!${alert.endsAt === null ? '' : html`, ended !${moment(alert.endsAt)}`}. ${
        alert.deliveries.length === 0
          ? 'Nobody was told: no receiver is set up (alerts.webhooks, alerts.alertmanagers).'
          : alert.deliveries
              .map(
                (delivery) =>
                  `${delivery.receiver}: ${delivery.status} ${delivery.ok ? 'taken' : `not taken (${delivery.error ?? 'no answer'})`}`,
              )
              .join('; ')
      }</p>
</article>`,
    )}`,
  })
}
