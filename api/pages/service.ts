import { html } from 'ghtml'
import type { SharedSource } from '../../schemas/collectors.ts'
import type { Alert } from '../../schemas/contracts/alert.ts'
import type { DimensionRest } from '../../schemas/contracts/dimension-rest.ts'
import type { HistoryRest } from '../../schemas/contracts/history-rest.ts'
import type { OwnFalseAlarms } from '../../schemas/contracts/own-false-alarms.ts'
import type { Release } from '../../schemas/contracts/release.ts'
import type { Service } from '../../schemas/contracts/service.ts'
import type { ServiceTrends } from '../../schemas/contracts/service-trends.ts'
import type { Trend } from '../../schemas/contracts/trend.ts'
import { trendChart } from './chart.ts'
import { moment, percent, prose, releasePath, servicePath } from './format.ts'
import { layout } from './layout.ts'
import { ownFalseAlarmsSection } from './own-false-alarms.ts'
import { restsSection } from './rests.ts'
import { trendsSection } from './trends.ts'
import { firingBadge, stateBadge } from './words.ts'

export interface ServicePage {
  readonly service: Service
  readonly environment: string
  readonly releases: readonly Release[]
  /** Alerts of deployments: the monitor sees what is worse minutes before a report can tell. */
  readonly firing: readonly Alert[]
  readonly trends: readonly Trend[]
  readonly quarter: ServiceTrends
  readonly calibration: OwnFalseAlarms
  readonly rests: readonly DimensionRest[]
  readonly historyRests: readonly HistoryRest[]
  /** Services that share it, where it is a database, a host or the like that is read by its collector. */
  readonly users: readonly string[]
  /** What it shares with others in this environment. */
  readonly shares: readonly SharedSource[]
}

/** A service: how its signals went release by release, and every deployment with its verdict. */
export function servicePage({
  service,
  environment,
  releases,
  firing,
  trends,
  quarter,
  calibration,
  rests,
  historyRests,
  users,
  shares,
}: ServicePage): string {
  const charts = trends
    .map((trend, index) => trendChart(`trend-${index}`, trend))
    .filter((chart) => chart !== '')
  const deployments = releases
    .flatMap((release) => release.deployments)
    .filter((deployment) => deployment.environment === environment)
    .toSorted((a, b) => b.startedAt.localeCompare(a.startedAt))
  const alerts = new Map(firing.map((alert) => [alert.deploymentId, alert]))
  const undeployed = releases.filter((release) => release.deployments.length === 0)
  return layout({
    title: service.service,
    active: 'services',
    charts: charts.length > 0 || quarter.signals.length > 0,
    main: html`<nav class="crumbs" aria-label="Breadcrumb"><a href="/">Services</a> <span aria-hidden="true">/</span> ${service.service} <span aria-hidden="true">/</span> ${environment}</nav>
<h1>${service.service}</h1>
!${
      service.environments.length < 2
        ? ''
        : html`<nav class="tabs" aria-label="Environments">!${service.environments.map(
            (of) =>
              html`<a href="/services/${encodeURIComponent(service.service)}?environment=${encodeURIComponent(of.environment)}" !${of.environment === environment ? 'aria-current="page"' : ''}>${of.environment}</a>`,
          )}</nav>`
    }
!${ties(users, shares, environment)}
!${charts.length === 0 ? '' : html`<section aria-labelledby="trends"><h2 id="trends">Release by release</h2><p class="fine">What each release came to in its watch window, with the interval of its comparison; large and red where it regressed. Times are p95; a verdict may rest on the median.</p><div class="grid">!${charts}</div></section>`}
!${trendsSection(quarter)}
<section aria-labelledby="deployments"><h2 id="deployments">Deployments</h2>
!${
      deployments.length === 0
        ? html`<p class="muted">No deployment into ${environment} is known.</p>`
        : html`<table class="stack services">
<caption class="hidden">Deployments of ${service.service} into ${environment}, newest first</caption>
<thead><tr><th scope="col">Version</th><th scope="col">State</th><th scope="col">Verdict</th><th scope="col" class="n">Traffic on it</th><th scope="col">Deployed</th></tr></thead>
<tbody>!${deployments.map((deployment) => {
            const alert = alerts.get(deployment.deploymentId)
            return html`<tr>
<th scope="row"><a class="version" href="${releasePath(deployment.service, deployment.version, deployment.environment)}">${deployment.version}</a></th>
<td data-label="State"><span>!${stateBadge(deployment.state, deployment.previousVersion)}!${deployment.provisional === true ? ' <span class="muted nowrap">provisional</span>' : ''}!${alert === undefined ? '' : ` ${firingBadge(alert)}`}</span></td>
<td data-label="Verdict" class="wide">${prose((deployment.state === 'regressed' ? undefined : alert?.summary) ?? deployment.headline ?? '–')}</td>
<td data-label="Traffic on it" class="n">${percent(deployment.adoption?.share ?? null)}</td>
<td data-label="Deployed" class="nowrap">!${moment(deployment.startedAt)}</td>
</tr>`
          })}</tbody></table>`
    }
</section>
!${restsSection(rests, historyRests)}
!${ownFalseAlarmsSection(calibration)}
!${undeployed.length === 0 ? '' : html`<p class="fine">Also seen in telemetry: ${undeployed.map((release) => release.version).join(', ')}.</p>`}`,
  })
}

/** Whose releases may make what harm to whom: what is shared is judged in the reports of all that share it. */
function ties(users: readonly string[], shares: readonly SharedSource[], environment: string): string {
  const link = (name: string) =>
    html`<a href="${servicePath(name)}?environment=${encodeURIComponent(environment)}">${name}</a>`
  const list = (names: readonly string[]) => names.map(link).join(', ')
  return [
    users.length === 0
      ? ''
      : html`<p>Used by !${list(users)}: when a release of one makes it worse, that release's report says so.</p>`,
    shares.length === 0
      ? ''
      : html`<p>Uses !${list(shares.map(({ name }) => name))}, which its reports judge too.</p>`,
  ].join('')
}
