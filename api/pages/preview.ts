import { html } from 'ghtml'
import { NOTICE_EVENTS, type NoticeEvent } from '../../analytics/alerts/notice.ts'
import type { Receiver } from '../../analytics/alerts/receiver.ts'
import { sampleNotice } from '../../analytics/alerts/sample-notice.ts'
import { alertTabs } from './alerts.ts'
import { layout } from './layout.ts'

export interface PreviewPage {
  readonly receivers: readonly Receiver[]
  readonly receiver: string | undefined
  readonly event: NoticeEvent
  readonly publicUrl: string
  /** Milliseconds. */
  readonly now: number
}

/** What a receiver would be sent, from made-up news; secrets are left out. */
export function previewPage({ receivers, event, publicUrl, now, ...page }: PreviewPage): string {
  const option = (value: string, chosen: string | undefined) =>
    html`<option value="${value}" !${value === chosen ? 'selected' : ''}>${value}</option>`
  const chosen = receivers.find(({ name }) => name === page.receiver) ?? receivers[0]
  return layout({
    title: 'Preview',
    active: 'alerts',
    main: html`!${alertTabs('/alerts/preview')}
<div class="title"><h1>What a receiver is sent</h1></div>
!${
      chosen === undefined
        ? '<p class="muted">No receiver is set up: <code>alerts</code> in the settings names them.</p>'
        : html`<form class="pick" method="get" action="/alerts/preview">
<label>Receiver <select name="receiver">!${receivers.map(({ name }) => option(name, chosen.name))}</select></label>
<label>News <select name="event">!${NOTICE_EVENTS.map((name) => option(name, event))}</select></label>
<button type="submit">Show</button></form>
!${rendered(chosen, event, publicUrl, now)}
<p class="fine">One like this is sent by <code>postflight notify test ${chosen.name}</code>.</p>`
    }`,
  })
}

function rendered(receiver: Receiver, event: NoticeEvent, publicUrl: string, now: number): string {
  if (!receiver.events.has(event)) return html`<p class="muted">${receiver.name} is not told of this.</p>`
  const { contentType, body } = receiver.render(sampleNotice(event, publicUrl, now), now)
  return html`<p class="muted">${contentType}</p><pre class="scroll" tabindex="0">${body}</pre>`
}
