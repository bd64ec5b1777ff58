import { html } from 'ghtml'
import type { Permission } from '../../analytics/alerts/routing.ts'
import type { Alert } from '../../schemas/contracts/alert.ts'
import type { Mute } from '../../schemas/contracts/mute.ts'
import { moment, prose, releasePath, servicePath } from './format.ts'
import { layout } from './layout.ts'
import { mayOnlyRead } from './words.ts'

export interface AlertsPage {
  readonly alerts: readonly Alert[]
  readonly mutes: readonly Mute[]
  /** Names of the receivers that the settings have. */
  readonly receivers: readonly string[]
  /** Whether a receiver is told of an alert now, and if not, why. */
  readonly permission: (alert: Alert, receiver: string) => Permission
  /** Against forms of other sites; null: the reader may not fill any in. */
  readonly token: string | null
}

const isFiring = (alert: Alert): boolean => alert.status === 'firing'

/** Alerts, those that fire first and the newest of them, with who has taken them and what each receiver was told. */
export function alertsPage(page: AlertsPage): string {
  const { alerts, mutes, receivers, token } = page
  const shown = alerts.filter(({ kind }) => kind !== 'heartbeat')
  const firing = shown.filter(isFiring).length
  return layout({
    title: 'Alerts',
    active: 'alerts',
    refreshSeconds: 30,
    main: html`!${alertTabs('/alerts')}
<div class="title"><h1>Alerts</h1><p class="lead">${firing === 0 ? 'None is firing.' : `${firing} firing.`}</p></div>
!${receivers.length === 0 ? '<p class="muted">No receiver is set up, so nobody is told: <code>alerts</code> in the settings names them.</p>' : ''}
!${token === null && (firing > 0 || mutes.length > 0) ? mayOnlyRead('to acknowledge and mute') : ''}
!${mutes.length === 0 ? '' : muteList(mutes, token)}
!${alerts.length === 0 ? html`<p class="muted">An alert appears here when a deployment makes things worse.</p>` : ''}
!${[...shown.filter(isFiring), ...shown.filter((alert) => !isFiring(alert))].map((alert) => article(alert, page))}`,
  })
}

/** The three pages about alerts. */
export function alertTabs(here: string): string {
  const tab = (path: string, name: string) =>
    html`<a href="${path}" !${path === here ? 'aria-current="page"' : ''}>${name}</a>`
  return html`<nav class="tabs" aria-label="Alerts">!${tab('/alerts', 'Alerts')}!${tab('/alerts/sent', 'Sent')}!${tab('/alerts/preview', 'Preview')}</nav>`
}

const SEVERITIES = { page: ['bad', 'Page'], ticket: ['watch', 'Ticket'], note: ['quiet', 'Note'] } as const

function article(alert: Alert, page: AlertsPage): string {
  const firing = alert.status === 'firing'
  const [colour, severity] = SEVERITIES[alert.severity]
  return html`<article class="finding alert ${alert.status}" id="${alert.id}">
<h2><span class="badge ${firing ? 'bad' : 'quiet'}"><span aria-hidden="true">${firing ? '●' : '✓'}</span> ${firing ? 'Firing' : 'Resolved'}</span> <span class="badge small ${firing ? colour : 'quiet'}">${severity}</span> !${
    alert.shadow ? '<span class="badge small unsure">Shadow</span>' : ''
  } !${about(alert)}</h2>
<p class="summary">${prose(alert.summary)}</p>
!${alert.reasons.length === 0 ? '' : html`<ul>!${alert.reasons.map((reason) => html`<li>${prose(reason.summary)}</li>`)}</ul>`}
!${alert.links.length === 0 ? '' : html`<ul>!${alert.links.map(({ title, url }) => html`<li><a href="${webAddress(url)}">${title}</a></li>`)}</ul>`}
<p class="fine">Since !${moment(alert.startsAt)}!${alert.endsAt === null ? '' : html`, ended !${moment(alert.endsAt)}`}${
    alert.resolution === null ? '' : ` (${alert.resolution})`
  }.${alert.owner === '' ? '' : ` Owner: ${alert.owner}.`}!${
    alert.acknowledged === null
      ? ''
      : html` <strong>Acknowledged by ${alert.acknowledged.by}</strong>, !${moment(alert.acknowledged.at)}.`
  }!${alert.mutedUntil === null ? '' : html` Muted until !${moment(alert.mutedUntil)}.`}</p>
!${held(alert, page)}
!${deliveries(alert)}
!${firing && page.token !== null ? forms(alert, page.token) : ''}
</article>`
}

function about(alert: Alert): string {
  if (alert.kind !== 'regression') return html`${alert.service}`
  return html`<a href="${servicePath(alert.service)}">${alert.service}</a> <a class="version" href="${releasePath(alert.service, alert.version, alert.environment)}">${alert.version}</a> <span class="muted">${alert.environment}</span>`
}

/** Addresses come from whoever wrote the incident: only those of the web are links. */
function webAddress(url: string): string {
  return /^https?:\/\//.test(url) || url.startsWith('/') ? url : '#'
}

const SAID = { sent: 'taken', waiting: 'waits', given_up: 'given up' } as const

/** Who is not told of an alert that fires, and why. */
function held(alert: Alert, { receivers, permission }: AlertsPage): string {
  if (alert.status !== 'firing') return ''
  const reasons = Map.groupBy(
    receivers
      .filter((receiver) => !alert.deliveries.some((delivery) => delivery.receiver === receiver))
      .map((receiver) => ({ receiver, may: permission(alert, receiver) })),
    ({ may }) => (may.kind === 'send' ? '' : `${may.why} ${may.until ?? ''}`),
  )
  reasons.delete('')
  return [...reasons.values()]
    .map((group) => {
      const may = group[0]?.may
      if (may === undefined || may.kind === 'send') return ''
      const until = may.until === null ? '' : html` until !${moment(new Date(may.until).toISOString())}`
      return html`<p class="fine">Not told: ${group.map(({ receiver }) => receiver).join(', ')} (${may.why}!${until}).</p>`
    })
    .join('')
}

function deliveries(alert: Alert): string {
  if (alert.deliveries.length === 0) return ''
  const bad = alert.deliveries.filter(({ state }) => state !== 'sent').length
  return html`<details !${bad > 0 ? 'open' : ''}><summary>Told ${alert.deliveries.length} time${alert.deliveries.length === 1 ? '' : 's'}${bad > 0 ? `, ${bad} not taken` : ''}</summary>
!${deliveryList(alert)}</details>`
}

/** Who was told, and what each answered. */
export function deliveryList({ deliveries: all }: Pick<Alert, 'deliveries'>): string {
  return html`<ul class="sent">!${all.map(
    (delivery) =>
      html`<li><strong>${delivery.receiver}</strong> ${delivery.event}: ${SAID[delivery.state]}!${
        delivery.at === null ? '' : html`, !${moment(delivery.at)}`
      }${delivery.attempts > 1 ? `, attempt ${delivery.attempts}` : ''}!${delivery.answer === '' ? '' : html` <span class="muted">${delivery.answer}</span>`}</li>`,
  )}</ul>`
}

function forms(alert: Alert, token: string): string {
  const csrf = html`<input type="hidden" name="_csrf" value="${token}"><input type="hidden" name="alert" value="${alert.id}">`
  const who = html`<label>Your name <input name="by" required maxlength="100" autocomplete="name"></label>`
  return html`<details class="act"><summary>${alert.acknowledged === null ? 'Acknowledge or mute' : 'Take over or mute'}</summary>
<form class="pick" method="post" action="/alerts/acknowledge">!${csrf}!${who}<button type="submit">Acknowledge</button></form>
<form class="pick" method="post" action="/alerts/mute">!${csrf}!${who}<label>Silent for <select name="minutes"><option value="60">1 hour</option><option value="240">4 hours</option><option value="1440">1 day</option><option value="10080">1 week</option></select></label><label>Why <input name="reason" maxlength="200"></label><button type="submit">Mute</button></form>
</details>`
}

function muteList(mutes: readonly Mute[], token: string | null): string {
  return html`<section class="finding" aria-labelledby="mutes"><h2 id="mutes">Mutes</h2><ul class="sent">!${mutes.map(
    (mute) =>
      html`<li>!${
        token === null
          ? muteWords(mute)
          : html`<form class="pick inline" method="post" action="/alerts/unmute"><input type="hidden" name="_csrf" value="${token}"><input type="hidden" name="mute" value="${mute.id}">!${muteWords(mute)}<button type="submit" aria-label="End the mute of ${mutedThing(mute)}">End</button></form>`
      }</li>`,
  )}</ul></section>`
}

function muteWords(mute: Mute): string {
  return html`<span><strong>${mutedThing(mute)}</strong> !${moment(mute.startsAt)} to !${moment(mute.endsAt)}${mute.by === '' ? '' : `, by ${mute.by}`}${mute.reason === '' ? '' : `: ${mute.reason}`}</span>`
}

function mutedThing(mute: Mute): string {
  const parts = [mute.alertId, mute.service, mute.environment].filter((part) => part !== '')
  return parts.length === 0 ? 'Everything' : parts.join(' ')
}
