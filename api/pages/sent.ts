import { html } from 'ghtml'
import type { Notification } from '../../schemas/contracts/notification.ts'
import { alertTabs } from './alerts.ts'
import { moment, prose } from './format.ts'
import { layout } from './layout.ts'

const STATES = {
  sent: ['good', 'Taken'],
  waiting: ['watch', 'Waits'],
  superseded: ['quiet', 'Replaced'],
  given_up: ['bad', 'Given up'],
} as const

/** What was sent to whom, with its answer, newest first. */
export function sentPage(notifications: readonly Notification[]): string {
  return layout({
    title: 'Sent',
    active: 'alerts',
    refreshSeconds: 30,
    main: html`!${alertTabs('/alerts/sent')}
<div class="title"><h1>What was sent to whom</h1></div>
!${
      notifications.length === 0
        ? '<p class="muted">Nothing so far.</p>'
        : html`<table class="stack"><thead><tr><th scope="col">When</th><th scope="col">Receiver</th><th scope="col">What</th><th scope="col">Result</th></tr></thead><tbody>
!${notifications.map(row)}</tbody></table>`
    }`,
  })
}

function row(entry: Notification): string {
  const [colour, word] = STATES[entry.state]
  return html`<tr><td class="nowrap" data-label="When">!${moment(entry.attemptedAt ?? entry.createdAt)}</td><td data-label="Receiver"><strong>${entry.receiver}</strong></td><td data-label="What"><a href="/alerts#${encodeURIComponent(entry.subject)}">${prose(entry.title)}</a></td><td data-label="Result"><span><span class="badge small ${colour}">${word}</span>!${
    entry.attempts > 1 ? html` <span class="muted">attempt ${entry.attempts}</span>` : ''
  }!${entry.state === 'waiting' && entry.attempts > 0 ? html` <span class="muted">next !${moment(entry.nextAt)}</span>` : ''}!${
    entry.answer === '' ? '' : html`<br><span class="muted answer">${entry.answer}</span>`
  }</span></td></tr>`
}
