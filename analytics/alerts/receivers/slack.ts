import type { ChatSettings } from '../../../schemas/alerts.ts'
import { cut, messageOf } from '../message.ts'
import type { Notice } from '../notice.ts'
import type { Receiver } from '../receiver.ts'
import { chat } from './chat.ts'

/** Characters that Slack takes in the text of a header, of a section, and of one of a section's fields. */
const HEADER = 150
const SECTION = 3000
const FIELD = 2000

/** Slack's incoming webhook: blocks, and the same as one line of text for notifications. */
export function slack(settings: ChatSettings): Receiver {
  return chat({ kind: 'slack', payloadOf }, settings)
}

function payloadOf(notice: Notice): object {
  const message = messageOf(notice)
  const sections = [
    // A header cannot hold a whole title: the rest stands below it.
    ...(message.title.length > HEADER ? [section(escapeText(message.title))] : []),
    ...(message.reasons.length > 0
      ? [section(message.reasons.map((reason) => `• ${escapeText(reason)}`).join('\n'))]
      : []),
  ]
  return {
    text: escapeText(cut(message.title, SECTION)),
    blocks: [
      { type: 'header', text: { type: 'plain_text', text: cut(message.title, HEADER), emoji: false } },
      ...sections,
      {
        type: 'section',
        // Ten at most.
        fields: message.facts
          .slice(0, 10)
          .map(([name, value]) => ({ type: 'mrkdwn', text: cut(`*${name}*\n${escapeText(value)}`, FIELD) })),
      },
      section(message.links.map(({ title, url }) => `<${linkUrl(url)}|${linkText(title)}>`).join('  ·  ')),
    ],
  }
}

function section(text: string): object {
  return { type: 'section', text: { type: 'mrkdwn', text: cut(text, SECTION) } }
}

/** The three characters that mean something to Slack. */
function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

function linkText(text: string): string {
  return escapeText(text).replaceAll('|', '/')
}

function linkUrl(url: string): string {
  return escapeText(url).replaceAll('|', '%7C')
}
