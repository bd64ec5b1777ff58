import type { Notice } from './notice.ts'

/** A notice in words, before any receiver's format: what people read is worded here only. */
export interface Message {
  /** One line; the first reason is in it. */
  readonly title: string
  /** What it is about, as names and values. */
  readonly facts: readonly (readonly [name: string, value: string])[]
  readonly reasons: readonly string[]
  /** The evidence first. */
  readonly links: readonly { readonly title: string; readonly url: string }[]
}

const LOUD = { page: 'PAGE', ticket: 'Ticket', note: 'Note' } as const

export function messageOf(notice: Notice): Message {
  if (notice.kind === 'deployment') {
    const { deployment, link } = notice
    const back = deployment.status === 'rolled_back'
    return {
      title: `${deployment.service} ${deployment.version} ${back ? 'was rolled back in' : 'was deployed to'} ${deployment.environment}`,
      facts: facts([
        ['Service', deployment.service],
        ['Version', deployment.version],
        ['Environment', deployment.environment],
        ['Replaces', deployment.previousVersion ?? ''],
        ['Status', deployment.status.replaceAll('_', ' ')],
      ]),
      reasons: [],
      links: [{ title: 'Its report', url: link }],
    }
  }
  const { alert, event } = notice
  const title = {
    firing: `${notice.update ? 'Update, ' : ''}${LOUD[alert.severity]}: ${alert.summary}`,
    acknowledged: `Acknowledged by ${alert.acknowledged?.by ?? 'somebody'}: ${alert.summary}`,
    resolved: `Resolved${alert.resolution === null ? '' : ` (${alert.resolution})`}: ${alert.summary}`,
  }[event]
  return {
    title,
    facts: facts([
      ['Service', alert.service],
      ['Version', alert.version],
      ['Environment', alert.environment],
      ['Severity', alert.severity],
      ['Owner', alert.owner],
      ['Since', utc(alert.startsAt)],
      ['Ended', alert.endsAt === null ? '' : utc(alert.endsAt)],
    ]),
    reasons: alert.reasons.map((reason) => reason.summary),
    links: [
      { title: 'The evidence', url: alert.link },
      ...alert.links,
      ...(event === 'firing' && notice.acknowledgeUrl !== ''
        ? [{ title: 'Acknowledge', url: notice.acknowledgeUrl }]
        : []),
    ],
  }
}

/** The message as lines of plain text. */
export function plainText(message: Message): string {
  return [
    message.title,
    '',
    ...message.reasons.map((reason) => `- ${reason}`),
    ...(message.reasons.length > 0 ? [''] : []),
    ...message.facts.map(([name, value]) => `${name}: ${value}`),
    '',
    ...message.links.map(({ title, url }) => `${title}: ${url}`),
  ].join('\n')
}

/** At most so many characters, none of them halved; what is left out shows. */
export function cut(text: string, most: number): string {
  const characters = [...text]
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join('')}…`
}

function facts(all: readonly (readonly [string, string])[]): Message['facts'] {
  return all.filter(([, value]) => value !== '')
}

function utc(instant: string): string {
  return `${instant.slice(0, 16).replace('T', ' ')} UTC`
}
