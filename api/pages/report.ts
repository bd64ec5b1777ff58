import { html } from 'ghtml'
import { headlineBeside, topVerdicts } from '../../analytics/jobs/headline.ts'
import type { Alert } from '../../schemas/contracts/alert.ts'
import type { DeploymentSummary } from '../../schemas/contracts/release.ts'
import type { Report, Verdict } from '../../schemas/contracts/report.ts'
import type { Series } from '../../schemas/contracts/series.ts'
import { seriesChart } from './chart.ts'
import {
  differenceWithUnit,
  moment,
  number,
  percent,
  prose,
  releasePath,
  servicePath,
  span,
  valueWithUnit,
} from './format.ts'
import { layout } from './layout.ts'
import { effect, evidenceTable, interval, subject, undecidedTable, verdictTable } from './verdicts.ts'
import { firingBadge, stateBadge } from './words.ts'

/** Seconds between two looks at a report that is not final. */
const REFRESH_SECONDS = 30

const DESIGNS: Readonly<Record<Report['design'], string>> = {
  side_by_side: 'side by side: both versions served in the same minutes',
  before_after: 'with the time before',
  before_after_seasonal: 'with the time before, corrected by the same hours of earlier days and weeks',
}

export interface ReportPage {
  readonly report: Report
  /** Charts of what got worse, by its place among `topVerdicts`; absent where there are too many. */
  readonly series: ReadonlyMap<number, Series>
  /** Other deployments of the same release, for their reports. */
  readonly siblings: readonly DeploymentSummary[]
  /** Of this deployment, while it fires: the monitor sees what is worse minutes before a report can tell. */
  readonly alert: Alert | undefined
}

/** A release's report: the verdict in words first, then the evidence. */
export function reportPage({ report, series, siblings, alert }: ReportPage): string {
  const { deployment } = report
  const of = (word: Verdict['word']) => report.verdicts.filter((verdict) => verdict.word === word)
  const regressed = of('regressed')
  // What a route or a kind of exception says more precisely is not told twice.
  const top = topVerdicts(report.verdicts, 'regressed')
  const whole = regressed.filter((verdict) => !top.includes(verdict))
  const improved = of('improved')
  const unchanged = of('unchanged')
  const inconclusive = of('inconclusive')
  const before = report.baselineVersion ?? 'Before'
  // The same version side by side in time: names alone would not tell the columns apart.
  const [a, b] = before === deployment.version ? ['Before', 'After'] : [before, deployment.version]
  return layout({
    title: `${deployment.service} ${deployment.version}`,
    active: 'services',
    charts: series.size > 0,
    ...(report.provisional ? { refreshSeconds: REFRESH_SECONDS } : {}),
    main: html`<nav class="crumbs" aria-label="Breadcrumb"><a href="/">Services</a> <span aria-hidden="true">/</span> <a href="${servicePath(deployment.service)}">${deployment.service}</a> <span aria-hidden="true">/</span> ${deployment.environment}</nav>
<h1>${deployment.service} <span class="version">${deployment.version}</span></h1>
!${environments(report, siblings)}
<section class="verdict ${report.state}" aria-label="Verdict">
<p class="state">!${stateBadge(report.state, report.baselineVersion)} !${finality(report)}</p>
!${alert === undefined ? html`<p class="headline">${prose(report.headline)}</p>` : firing(alert, report)}
<ul class="counts">
!${count(regressed.length, 'regressed', 'bad')}!${count(improved.length, 'improved', 'good')}!${count(unchanged.length, 'unchanged', 'quiet')}!${count(inconclusive.length, 'not decided', 'unsure')}
</ul>
</section>
<dl class="facts">
<div><dt>Deployed</dt><dd>!${moment(deployment.startedAt)}</dd></div>
<div><dt>Replaces</dt><dd>!${
      deployment.previousVersion === null
        ? 'nothing known'
        : html`<a class="version" href="${releasePath(deployment.service, deployment.previousVersion, deployment.environment)}">${deployment.previousVersion}</a> · <a href="${comparePath(report)}">compare</a>`
    }</dd></div>
<div><dt>Traffic on it</dt><dd>${percent(report.adoption.share)} <span class="muted">· ${number(report.adoption.requests)} requests${report.adoption.instances === null ? '' : ` · ${report.adoption.moreInstances === true ? 'more than ' : ''}${report.adoption.instances} instance${report.adoption.instances === 1 ? '' : 's'}`}</span></dd></div>
<div><dt>Compared</dt><dd>${DESIGNS[report.design]}</dd></div>
<div><dt>Watch</dt><dd><a href="${watchPath(report)}">what is decided, what happened, and was it right</a></dd></div>
</dl>
!${
      regressed.length === 0
        ? ''
        : html`<section aria-labelledby="regressed"><h2 id="regressed">What got worse</h2>
!${top.map((verdict, index) => finding(verdict, index, series.get(index), a ?? '', b ?? '', deployment.version))}
!${whole.length === 0 ? '' : html`<h3>The same over the whole service, and what is only for information</h3>!${verdictTable(whole, 'What got worse over the whole service', a ?? '', b ?? '')}`}</section>`
    }
!${improved.length === 0 ? '' : html`<section aria-labelledby="improved"><h2 id="improved">What got better</h2>!${verdictTable(improved, 'What got better', a ?? '', b ?? '')}</section>`}
!${
      unchanged.length === 0
        ? ''
        : html`<section aria-labelledby="unchanged"><h2 id="unchanged">What did not change</h2>
<details><summary>${unchanged.length} signal${unchanged.length === 1 ? ' was' : 's were'} shown to be unchanged, within the smallest effect that matters</summary>!${verdictTable(unchanged, 'What did not change', a ?? '', b ?? '')}</details></section>`
    }
!${
      inconclusive.length === 0
        ? ''
        : html`<section aria-labelledby="undecided"><h2 id="undecided">What could not be decided</h2>
<details !${inconclusive.length <= 8 ? 'open' : ''}><summary>${inconclusive.length} signal${inconclusive.length === 1 ? '' : 's'} without enough evidence either way</summary>!${undecidedTable(inconclusive)}</details></section>`
    }
!${
      (report.alsoMoved ?? []).length === 0
        ? ''
        : html`<section aria-labelledby="also"><h2 id="also">What else moved</h2><ul class="notes">!${(report.alsoMoved ?? []).map(({ summary }) => html`<li>${prose(summary)}</li>`)}</ul></section>`
    }
!${report.notes.length === 0 ? '' : html`<section aria-labelledby="notes"><h2 id="notes">Good to know</h2><ul class="notes">!${report.notes.map((note) => html`<li>${prose(note)}</li>`)}</ul></section>`}
!${methodSection(report)}`,
  })
}

function firing(alert: Alert, report: Report): string {
  const [headline, more] = headlineBeside(alert, report)
  return html`<p class="headline">${prose(headline)}</p>
<p>!${firingBadge(alert)} since !${moment(alert.startsAt)}. ${prose(more)} <a href="${watchPath(report)}">The watch</a> has the evidence.</p>`
}

function watchPath({ deployment }: Report): string {
  return releasePath(deployment.service, deployment.version, deployment.environment).replace('?', '/watch?')
}

function comparePath({ deployment }: Report): string {
  const query = new URLSearchParams({
    service: deployment.service,
    a: deployment.previousVersion ?? '',
    b: deployment.version,
    environment: deployment.environment,
  })
  return `/compare?${query.toString()}`
}

function environments(report: Report, siblings: readonly DeploymentSummary[]): string {
  const others = new Map(siblings.map((sibling) => [sibling.environment, sibling]))
  if (others.size < 2) return ''
  return html`<nav class="tabs" aria-label="Environments">!${[...others.values()].map(
    (sibling) =>
      html`<a href="${releasePath(sibling.service, sibling.version, sibling.environment)}" !${sibling.environment === report.deployment.environment ? 'aria-current="page"' : ''}>${sibling.environment}</a>`,
  )}</nav>`
}

function finality(report: Report): string {
  if (!report.provisional) return html`<span class="muted">final since !${moment(report.computedAt)}</span>`
  return html`<span class="muted"><strong>Provisional</strong>: final at !${moment(report.windows.finalAt)}; computed !${moment(report.computedAt)}. <span class="screen-only">This page renews itself every ${REFRESH_SECONDS} s.</span></span>`
}

function count(amount: number, word: string, tone: string): string {
  return html`<li class="${amount === 0 ? 'none' : tone}"><strong>${amount}</strong> ${word}</li>`
}

function finding(
  verdict: Verdict,
  index: number,
  series: Series | undefined,
  a: string,
  b: string,
  version: string,
): string {
  const smallest = [
    `${number((verdict.smallestEffect.ratio - 1) * 100)} %`,
    ...(verdict.smallestEffect.absolute === 0
      ? []
      : [differenceWithUnit(verdict.smallestEffect.absolute, verdict.unit)]),
  ].join(' and ')
  return html`<article class="finding">
<h3>!${subject(verdict)}</h3>
<p class="summary">${prose(verdict.summary)}</p>
<p class="effect"><strong>${effect(verdict)}</strong> <span>${percent(verdict.confidence)} interval ${interval(verdict)}</span> <span class="muted">${verdict.criticality}${verdict.fact === 'new' ? ' · new in this release' : verdict.fact === 'resurfaced' ? ' · back in this release' : ''}</span></p>
!${series === undefined ? '' : seriesChart(`chart-${index}`, series, version)}
!${evidenceTable(verdict, a, b)}
!${
    verdict.mix === null
      ? ''
      : html`<p>Of the overall change of ${differenceWithUnit(verdict.mix.total, verdict.mix.unit)}, ${differenceWithUnit(verdict.mix.rate, verdict.mix.unit)} comes from the signal itself and ${differenceWithUnit(verdict.mix.mix, verdict.mix.unit)} from traffic that moved.</p>`
  }
!${
    verdict.exemplars.length === 0
      ? ''
      : html`<div class="exemplars"><h4>Example traces</h4><ul>!${verdict.exemplars.map(
          (exemplar) =>
            html`<li><code>${exemplar.traceId}</code> <span class="muted">!${moment(exemplar.time)}${exemplar.value === null ? '' : ` · ${valueWithUnit(exemplar.value, verdict.unit)}`}</span></li>`,
        )}</ul></div>`
  }
<p class="fine">Smallest effect that matters: ${smallest}. p ${pText(verdict.pValue)}, after control of false discoveries ${pText(verdict.adjustedPValue)}. ${verdict.placebos > 0 ? `Checked against ${verdict.placebos} quiet moments of its own past. ` : ''}Method ${verdict.method}${dependence(verdict)}.</p>
</article>`
}

/** How far minutes are from independent events. */
function dependence({ dispersion, autocorrelation }: Verdict): string {
  const parts = [
    ...(typeof dispersion === 'number' ? [`dispersion ${number(dispersion)}`] : []),
    ...(typeof autocorrelation === 'number' ? [`autocorrelation of minutes ${number(autocorrelation)}`] : []),
  ]
  return parts.length === 0 ? '' : `, ${parts.join(', ')}`
}

function pText(p: number | null): string {
  if (p === null) return 'not known'
  return p < 0.0001 ? '< 0.0001' : `= ${number(p)}`
}

function methodSection(report: Report): string {
  const window = (name: string, of: { from: string; to: string } | null) =>
    of === null
      ? ''
      : html`<div><dt>${name}</dt><dd>!${moment(of.from)} to !${moment(of.to)} <span class="muted">(${span((Date.parse(of.to) - Date.parse(of.from)) / 60_000)})</span></dd></div>`
  const other = Object.entries(report.otherTraffic)
  return html`<section aria-labelledby="method"><h2 id="method">How this was found</h2>
<details><summary>Windows, method and parameters</summary>
<dl class="facts list">
!${window('Before', report.windows.before)}!${window('Roll-out', report.windows.rollout)}!${window('Warm-up', report.windows.warmUp)}!${window('After', report.windows.after)}
<div><dt>Final at</dt><dd>!${moment(report.windows.finalAt)}</dd></div>
!${other.length === 0 ? '' : html`<div><dt>Left out</dt><dd>${other.map(([kind, requests]) => `${number(requests)} requests of ${kind.replaceAll('_', ' ')}`).join(', ')}</dd></div>`}
<div><dt>Method</dt><dd>${report.method}</dd></div>
!${
    report.receipt === undefined
      ? ''
      : Object.entries(report.receipt.inputs).map(
          ([name, digest]) => html`<div><dt>sha256 of ${name}</dt><dd><code>${digest}</code></dd></div>`,
        )
  }
!${Object.entries(report.parameters).map(([name, value]) => html`<div><dt>${name}</dt><dd>${String(value)}</dd></div>`)}
</dl></details>
<p class="fine">This report as <a href="/api/v1/reports/${encodeURIComponent(report.deployment.id)}">JSON</a> or <a href="/api/v1/reports/${encodeURIComponent(report.deployment.id)}?format=csv">CSV</a>; <a href="/api/v1/reports/${encodeURIComponent(report.deployment.id)}/verification">compute it again</a> and compare. Computed !${moment(report.computedAt)}.</p>
</section>`
}

/** A release whose first report is still to come. */
export function pendingReportPage(deployment: DeploymentSummary): string {
  return layout({
    title: `${deployment.service} ${deployment.version}`,
    active: 'services',
    refreshSeconds: 10,
    main: html`<nav class="crumbs" aria-label="Breadcrumb"><a href="/">Services</a> <span aria-hidden="true">/</span> <a href="${servicePath(deployment.service)}">${deployment.service}</a> <span aria-hidden="true">/</span> ${deployment.environment}</nav>
<h1>${deployment.service} <span class="version">${deployment.version}</span></h1>
<section class="verdict" aria-label="Verdict"><p class="state">!${stateBadge(null, deployment.previousVersion)}</p>
<p class="headline">Deployed !${moment(deployment.startedAt)}; the first report comes within a minute.</p>
<p class="muted">This page renews itself.</p></section>`,
  })
}
