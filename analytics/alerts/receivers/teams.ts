import type { ChatSettings } from '../../../schemas/alerts.ts'
import { cut, messageOf } from '../message.ts'
import type { Notice } from '../notice.ts'
import { type Receiver, SendError } from '../receiver.ts'
import { chat } from './chat.ts'

/** A message may have 28 KB; texts are cut so that one never comes near. */
const TEXT = 1000
const MOST_REASONS = 8
const COLOURS = {
  firing: 'attention',
  acknowledged: 'warning',
  resolved: 'good',
  deployment: 'accent',
} as const

/** Microsoft Teams: an Adaptive Card to the webhook of a workflow ("when a Teams webhook request is received"), or to an older connector's. */
export function teams(settings: ChatSettings): Receiver {
  return chat({ kind: 'teams', payloadOf, check }, settings)
}

/** Connectors answer 200 and say in the text that it was not delivered. */
function check(answer: string): void {
  const failed = /returned HTTP error (\d+)/.exec(answer)
  if (failed !== null) throw new SendError(failed[1] === '429' ? 'unavailable' : 'failed', answer)
}

function payloadOf(notice: Notice): object {
  const message = messageOf(notice)
  const text = (value: string, more: object = {}) => ({
    type: 'TextBlock',
    text: escapeMarkdown(cut(value, TEXT)),
    wrap: true,
    ...more,
  })
  return {
    type: 'message',
    attachments: [
      {
        contentType: 'application/vnd.microsoft.card.adaptive',
        contentUrl: null,
        content: {
          $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
          type: 'AdaptiveCard',
          version: '1.4',
          msteams: { width: 'Full' },
          body: [
            text(message.title, { size: 'medium', weight: 'bolder', color: COLOURS[notice.event] }),
            ...message.reasons
              .slice(0, MOST_REASONS)
              .map((reason) => text(`• ${reason}`, { spacing: 'small' })),
            {
              type: 'FactSet',
              facts: message.facts.map(([title, value]) => ({
                title,
                value: escapeMarkdown(cut(value, TEXT)),
              })),
            },
          ],
          // Six at most are shown.
          actions: message.links
            .slice(0, 6)
            .map(({ title, url }) => ({ type: 'Action.OpenUrl', title, url })),
        },
      },
    ],
  }
}

/** Texts of cards are Markdown: what would begin a link or emphasis is taken as it stands. */
function escapeMarkdown(text: string): string {
  return text.replaceAll(/[\\*_[\]`]/g, '\\$&')
}
