import { html } from 'ghtml'
import { NOT_KNOWN, range } from '../../analytics/jobs/words.ts'
import { byHarm } from '../../analytics/monitor/harm.ts'
import type { Gate } from '../../schemas/contracts/gate.ts'
import type { LiveWatch } from '../../schemas/contracts/live-watch.ts'
import { MARKS, type Mark } from '../../schemas/contracts/mark.ts'
import type { Watch } from '../../schemas/contracts/watch.ts'
import { deliveryList } from './alerts.ts'
import {
  ago,
  factor,
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
import { mayOnlyRead, stateBadge } from './words.ts'

/** Without events of the stream the page renews itself all the same. */
const REFRESH_SECONDS = 30

type WatchedSignal = Watch['signals'][number]

export interface WatchPage {
  readonly live: LiveWatch
  /** Milliseconds. */
  readonly now: number
  /** Against forms of other sites; null: the reader may not fill any in. */
  readonly token: string | null
}

/** A watch as it runs: what is decided, what is not and when it will be; then what happened, who was told, and what people say of it. */
export function watchPage({ live, now, token }: WatchPage): string {
  const { deployment, watch } = live
  const { service, version, environment } = deployment
  const isOpen =
    watch === null ? live.state === 'watching' || live.state === null : Date.parse(watch.closesAt) > now
  return layout({
    title: `Watch of ${service} ${version}`,
    active: 'services',
    refreshSeconds: REFRESH_SECONDS,
    ...(isOpen ? { events: `/api/v1/deployments/${encodeURIComponent(deployment.id)}/watch/stream` } : {}),
    main: html`<nav class="crumbs" aria-label="Breadcrumb"><a href="/">Services</a> <span aria-hidden="true">/</span> <a href="${servicePath(service)}">${service}</a> <span aria-hidden="true">/</span> <a href="${releasePath(service, version, environment)}">${version}</a> <span aria-hidden="true">/</span> watch</nav>
<h1>Watch of ${service} <span class="version">${version}</span></h1>
<section class="verdict ${live.state ?? 'pending'}" aria-label="Now" aria-live="polite">
<p class="state">!${stateBadge(live.state, deployment.previousVersion)} !${looked(live, now)}</p>
<p class="headline">${prose(live.headline)}</p>
!${watch?.blame == null || live.headline.includes(watch.blame.summary) ? '' : html`<p>${sentence(prose(watch.blame.summary))}</p>`}
</section>
<dl class="facts">
<div><dt>Deployed</dt><dd>!${moment(deployment.startedAt)} <span class="muted">· ${environment}</span></dd></div>
<div><dt>Compared with</dt><dd>${watch?.baselineVersion ?? deployment.previousVersion ?? 'nothing known'}</dd></div>
!${
      watch === null
        ? ''
        : html`<div><dt>Traffic on it</dt><dd>${percent(watch.share)}!${served(watch)}</dd></div>
<div><dt>Watched until</dt><dd>!${moment(watch.closesAt)}</dd></div>`
    }
<div><dt>Told by</dt><dd>${toldBy(live)}</dd></div>
</dl>
!${watch === null ? html`<p class="muted">The monitor has not looked at it: <a href="${releasePath(service, version, environment)}">the report</a> has what is known.</p>` : signals(watch, now)}
!${timeline(live)}
!${gates(live.gates)}
!${alerts(live)}
!${marks(live, token)}`,
  })
}

function looked({ watch, reportedAt }: LiveWatch, now: number): string {
  const at = watch?.lookedAt ?? reportedAt
  if (at === null) return ''
  return html`<span class="muted">${watch === null ? 'report computed' : 'last look'} ${ago(at, now)}. <span class="screen-only">This page renews itself.</span></span>`
}

/** Requests of whole minutes: none are over yet where there is a share already. */
function served({ requests, share }: Pick<Watch, 'requests' | 'share'>): string {
  if (requests === 0 && share !== null && share > 0) return ''
  return html` <span class="muted">· ${number(requests)} request${requests === 1 ? '' : 's'}</span>`
}

function toldBy({ deployment }: LiveWatch): string {
  const kinds = [...new Set((deployment.sources ?? []).map(({ kind }) => kind))]
  return kinds.length === 0 ? deployment.source : kinds.join(', ')
}

function signals(watch: Watch | LiveWatch['watch'], now: number): string {
  const all = watch?.signals ?? []
  // As alerts have it; where the harm is the same, what there is most evidence of comes first, as it is stored.
  const worse = all.filter(({ decided }) => decided === 'worse').toSorted(byHarm)
  const open = all.filter(({ decided }) => decided === 'open')
  const sound = all.filter(({ decided }) => decided === 'not_worse')
  const legend =
    all.length === 0
      ? ''
      : html`<p class="fine">Evidence is how strongly the data speak for a change, of what it takes to page somebody for that signal alone. Looking often makes it no weaker: it is the logarithm of an e-value.</p>`
  return html`!${worse.length === 0 ? '' : html`<section aria-labelledby="worse"><h2 id="worse">Worse</h2>!${table(worse, 'Worse', now)}</section>`}
<section aria-labelledby="open"><h2 id="open">Not decided yet</h2>
!${open.length === 0 ? '<p class="muted">Nothing is open.</p>' : html`<details !${open.length <= 8 ? 'open' : ''}><summary>${open.length} signal${open.length === 1 ? '' : 's'}${soonest(open, now)}</summary>!${table(open, 'Not decided yet', now)}</details>`}</section>
!${sound.length === 0 ? '' : html`<section aria-labelledby="sound"><h2 id="sound">Shown to be no worse</h2><details><summary>${sound.length} signal${sound.length === 1 ? '' : 's'}</summary>!${table(sound, 'Shown to be no worse', now)}</details></section>`}!${legend}`
}

function soonest(open: readonly WatchedSignal[], now: number): string {
  const times = open.flatMap(({ decidedBy }) => (decidedBy === null ? [] : [Date.parse(decidedBy)]))
  return times.length === 0 ? '' : `, the next in about ${span((Math.min(...times) - now) / 60_000)}`
}

function table(rows: readonly WatchedSignal[], caption: string, now: number): string {
  return html`<table class="stack verdicts">
<caption class="hidden">${caption}</caption>
<thead><tr><th scope="col">Signal</th><th scope="col" class="n">Before</th><th scope="col" class="n">After</th><th scope="col" class="n">Interval</th><th scope="col" class="n">n</th><th scope="col" class="n">Evidence</th><th scope="col" class="n">Decided</th></tr></thead>
<tbody>!${rows.map(
    (signal) => html`<tr>
<th scope="row">${signal.title}!${signal.dimension === '' ? '' : html` <code class="dimension">${signal.dimension}</code>`}!${signal.relation === 'own' ? '' : html` <span class="muted">${signal.relation} ${signal.service}</span>`}</th>
<td class="n nowrap" data-label="Before">${valueWithUnit(signal.before, signal.unit)}</td>
<td class="n nowrap" data-label="After">${signal.exposure === 0 ? '–' : valueWithUnit(signal.after, signal.unit)}</td>
<td class="n nowrap" data-label="Interval">${interval(signal)}</td>
<td class="n" data-label="n">${number(signal.exposure)}</td>
<td class="n nowrap" data-label="Evidence">${evidence(signal)}</td>
<td class="n nowrap" data-label="Decided">${signal.decided !== 'open' ? 'yes' : signal.logENeeded === null ? 'by each kind' : signal.decidedBy === null ? 'not by time alone' : `in ${span((Date.parse(signal.decidedBy) - now) / 60_000)}`}</td>
</tr>`,
  )}</tbody></table>`
}

function interval({ interval: bounds, decided }: WatchedSignal): string {
  const text = range(bounds ?? [null, null], 'ratio', factor)
  // What is decided without one is decided by other means, such as that nothing of it happened.
  return decided !== 'open' && text === NOT_KNOWN ? '–' : text
}

/** What speaks for a change, of what a page would need from this signal alone. */
function evidence({ logE, logENeeded }: WatchedSignal): string {
  const has = logE === null ? 0 : Math.max(0, Number(logE.toFixed(1)))
  return logENeeded === null ? `${has}` : `${has} of ${logENeeded.toFixed(1)}`
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}

interface Moment {
  readonly at: string
  readonly what: string
  readonly text: string
  readonly evidence: readonly string[]
}

/** Everything that happened, oldest first: the watch, gates, alerts and marks in one line of time. */
function timeline(live: LiveWatch): string {
  const moments: Moment[] = [
    ...(live.deployment.sources ?? []).map((source) => ({
      at: source.at,
      what: 'deployment',
      text:
        source.kind === 'telemetry'
          ? 'seen in telemetry'
          : `told by ${source.kind}: ${source.status.replace('_', ' ')}`,
      evidence: [],
    })),
    ...live.events.map((event) => ({
      at: event.at,
      what: event.kind.replaceAll('_', ' '),
      text: event.summary,
      evidence: event.signals.map(
        (signal) =>
          `${signal.title}${signal.dimension === '' ? '' : ` ${signal.dimension}`}: ${valueWithUnit(signal.before, signal.unit)} → ${valueWithUnit(signal.after, signal.unit)}, n ${number(signal.exposure)}, evidence ${evidence(signal)}`,
      ),
    })),
    ...live.gates.flatMap((gate) =>
      gate.decidedAt === null
        ? []
        : [
            {
              at: gate.decidedAt,
              what: 'gate',
              text: `${gate.decision}: ${gate.reasons[0] ?? ''}`,
              evidence: [],
            },
          ],
    ),
    ...live.marks.map((mark) => ({ at: mark.at, what: 'mark', text: markText(mark), evidence: [] })),
  ].sort((a, b) => a.at.localeCompare(b.at))
  if (moments.length === 0) return ''
  return html`<section aria-labelledby="timeline"><h2 id="timeline">What happened</h2><ol class="sent">!${moments.map(
    ({ at, what, text, evidence }) =>
      html`<li>!${moment(at)} <strong>${what}</strong> ${prose(text)}!${evidence.length === 0 ? '' : html`<details><summary>Evidence</summary><ul>!${evidence.map((line) => html`<li>${line}</li>`)}</ul></details>`}</li>`,
  )}</ol></section>`
}

function gates(all: readonly Gate[]): string {
  const waiting = all.filter(({ settled }) => !settled)
  if (waiting.length === 0) return ''
  return html`<section aria-labelledby="gates"><h2 id="gates">Gates that wait</h2><ul class="sent">!${waiting.map(
    (gate) => html`<li>until !${moment(gate.until)}: ${prose(gate.reasons[0] ?? '')}</li>`,
  )}</ul></section>`
}

function alerts({ alerts: all }: LiveWatch): string {
  if (all.length === 0) return ''
  const traces = new Set<string>()
  // Links of alerts lead to the traces; one that shows two reasons has one place.
  const reason = (summary: string) => {
    const trace = /; trace ([0-9a-f]+)$/.exec(summary)?.[1]
    if (trace === undefined || traces.has(trace)) return html`<li>${prose(summary)}</li>`
    traces.add(trace)
    return html`<li id="trace-${trace}">${prose(summary)}</li>`
  }
  return html`<section aria-labelledby="told"><h2 id="told">Who was told</h2>!${all.map(
    (
      alert,
    ) => html`<article class="finding"><h3><a href="/alerts#${alert.id}">${prose(alert.summary)}</a></h3>
!${alert.reasons.length === 0 ? '' : html`<ul>!${alert.reasons.map(({ summary }) => reason(summary))}</ul>`}
!${
      alert.deliveries.length === 0
        ? html`<p class="fine">${alert.shadow ? 'On trial: kept and counted, not sent.' : 'Nobody was told so far.'}</p>`
        : deliveryList(alert)
    }</article>`,
  )}</section>`
}

const MARK_WORDS: Readonly<Record<Mark['mark'], string>> = {
  false_alarm: 'False alarm',
  true: 'True',
  missed: 'Something was missed',
}

function markText(mark: Mark): string {
  const of = mark.signal === '' ? '' : ` (${mark.signal}${mark.dimension === '' ? '' : ` ${mark.dimension}`})`
  return `${MARK_WORDS[mark.mark]}${of}${mark.by === '' ? '' : `, says ${mark.by}`}${mark.note === '' ? '' : `: ${mark.note}`}`
}

function marks({ deployment, watch, marks: said }: LiveWatch, token: string | null): string {
  const worse = (watch?.signals ?? []).filter(({ decided }) => decided === 'worse')
  const names = [...new Set(worse.map(({ signal }) => signal))]
  return html`<section aria-labelledby="marks" class="screen-only"><h2 id="marks">Was it right?</h2>
!${said.length === 0 ? '' : html`<ul class="sent">!${said.map((mark) => html`<li>!${moment(mark.at)} ${markText(mark)}</li>`)}</ul>`}
!${token === null ? mayOnlyRead('to say so') : markForm(deployment, names, token)}</section>`
}

function markForm(
  { service, version, environment }: LiveWatch['deployment'],
  signals: readonly string[],
  token: string,
): string {
  return html`<form class="pick" method="post" action="!${html`${releasePath(service, version).replace(/\?.*$/, '')}/watch/mark`}"><input type="hidden" name="_csrf" value="${token}"><input type="hidden" name="environment" value="${environment}">
<label>It was <select name="mark">!${MARKS.map((mark) => html`<option value="${mark}">${MARK_WORDS[mark].toLowerCase()}</option>`)}<option value="none">take it back</option></select></label>
<label>of <select name="signal"><option value="">the deployment</option>!${signals.map((name) => html`<option value="${name}">${name}</option>`)}</select></label>
<label>Your name <input name="by" maxlength="100" autocomplete="name"></label>
<label>Why <input name="note" maxlength="1000"></label>
<button type="submit">Say so</button></form>`
}
