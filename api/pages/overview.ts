import { html } from 'ghtml'
import type { Alert } from '../../schemas/contracts/alert.ts'
import type { DeploymentSummary } from '../../schemas/contracts/release.ts'
import type { Service } from '../../schemas/contracts/service.ts'
import { ago, moment, percent, prose, releasePath, servicePath } from './format.ts'
import { layout } from './layout.ts'
import { firingBadge, stateBadge } from './words.ts'

/**
 * Every service in every environment at a glance.
 * @param firing alerts of deployments: the monitor sees what is worse minutes before a report can tell
 * @param now milliseconds
 * @param otlp where telemetry is received over HTTP, for who has sent nothing yet
 */
export function overviewPage(
  services: readonly Service[],
  firing: readonly Alert[],
  now: number,
  otlp: string,
): string {
  const alerts = new Map(firing.map((alert) => [alert.deploymentId, alert]))
  const rows = services
    .flatMap((service) =>
      service.environments.map((environment) => ({
        service: service.service,
        ...environment,
        alert: alerts.get(environment.latest?.deploymentId ?? ''),
      })),
    )
    // What needs a look comes first.
    .toSorted((a, b) => urgency(b) - urgency(a))
  const bad = rows.filter((row) => row.latest?.state === 'regressed').length
  const summary = [
    firing.length === 0
      ? ''
      : `<a href="/alerts">${firing.length === 1 ? '1 alert is' : `${firing.length} alerts are`} firing</a>.`,
    bad > 0
      ? `${bad} of ${rows.length} services and environments run${bad === 1 ? 's' : ''} a release that made things worse.`
      : firing.length > 0
        ? ''
        : 'No release that made things worse is running.',
  ]
    .filter((sentence) => sentence !== '')
    .join(' ')
  return layout({
    title: 'Services',
    active: 'services',
    refreshSeconds: 30,
    main:
      rows.length === 0
        ? nothingYet(otlp)
        : html`<div class="title"><h1>Services</h1><p class="lead">!${summary}</p></div>
<table class="stack services">
<caption class="hidden">Services with the newest deployment of each environment</caption>
<thead><tr><th scope="col">Service</th><th scope="col">Environment</th><th scope="col">Version</th><th scope="col">State</th><th scope="col">Verdict</th><th scope="col" class="n">Traffic on it</th><th scope="col">Deployed</th></tr></thead>
<tbody>
!${rows.map(({ service, environment, latest, versions, lastSeen, alert }) => {
            const version = latest?.version ?? versions.at(-1)
            return html`<tr>
<th scope="row"><a href="${servicePath(service)}">${service}</a></th>
<td data-label="Environment">${environment}</td>
<td data-label="Version">!${
              version === undefined
                ? '–'
                : latest === null
                  ? html`<span class="version">${version}</span>`
                  : html`<a class="version" href="${releasePath(service, version, environment)}">${version}</a>`
            }</td>
<td data-label="State"><span>!${latest === null ? html`<span class="muted">no deployment known</span>` : stateBadge(latest.state, latest.previousVersion)}!${latest?.provisional === true ? ' <span class="muted nowrap">provisional</span>' : ''}!${alert === undefined ? '' : ` ${firingBadge(alert)}`}</span></td>
<td data-label="Verdict" class="wide">${prose((latest?.state === 'regressed' ? undefined : alert?.summary) ?? latest?.headline ?? '–')}</td>
<td data-label="Traffic on it" class="n">${percent(latest?.adoption?.share ?? null)}</td>
<td data-label="Deployed" class="nowrap">!${
              latest === null
                ? html`<span class="muted">${lastSeen === null ? '–' : `seen ${ago(lastSeen, now)}`}</span>`
                : html`<span title="${latest.startedAt}">${ago(latest.startedAt, now)}</span><span class="print-only"> (!${moment(latest.startedAt)})</span>`
            }</td>
</tr>`
          })}
</tbody>
</table>`,
  })
}

function urgency({ latest, alert }: { latest: DeploymentSummary | null; alert: Alert | undefined }): number {
  return alert !== undefined ? 2 : latest?.state === 'regressed' ? 1 : 0
}

const nothingYet = (otlp: string): string => html`<section class="message">
<h1>Nothing has arrived yet</h1>
<p class="lead">Send OpenTelemetry to ${otlp} with <code>service.name</code> and <code>service.version</code> set, and your services appear here.</p>
<pre><code>OTEL_EXPORTER_OTLP_ENDPOINT=${otlp}
OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
OTEL_RESOURCE_ATTRIBUTES=service.name=checkout,service.version=2.7.0</code></pre>
<p>Or tell of a deployment: <a href="/api/docs/">POST /api/v1/deployments</a>. This page renews itself.</p>
</section>`
