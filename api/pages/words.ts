import { html } from 'ghtml'
import { isFirstVersion } from '../../analytics/jobs/words.ts'
import type { Alert } from '../../schemas/contracts/alert.ts'
import type { DeploymentState, VerdictWord } from '../../schemas/contracts/report.ts'

const STATES: Readonly<
  Record<DeploymentState | 'first' | 'pending', { text: string; mark: string; tone: string }>
> = {
  regressed: { text: 'Regressed', mark: '▼', tone: 'bad' },
  healthy: { text: 'Healthy', mark: '✓', tone: 'good' },
  watching: { text: 'Watching', mark: '◔', tone: 'watch' },
  inconclusive: { text: 'Inconclusive', mark: '?', tone: 'unsure' },
  superseded: { text: 'Superseded', mark: '»', tone: 'quiet' },
  rolled_back: { text: 'Rolled back', mark: '↩', tone: 'quiet' },
  no_data: { text: 'No data', mark: '–', tone: 'quiet' },
  first: { text: 'First version', mark: '•', tone: 'quiet' },
  pending: { text: 'No report yet', mark: '…', tone: 'quiet' },
}

/**
 * The state in words, with a mark and a colour: never a colour alone.
 * @param previousVersion null where none is known: what has nothing to be compared with lacks no data
 */
export function stateBadge(state: DeploymentState | null, previousVersion: string | null): string {
  const { text, mark, tone } = STATES[isFirstVersion(state, previousVersion) ? 'first' : (state ?? 'pending')]
  return html`<span class="badge ${tone}"><span aria-hidden="true">${mark}</span> ${text}</span>`
}

/** That an alert fires, as the way to it. */
export function firingBadge({ id }: Pick<Alert, 'id'>): string {
  return html`<a class="badge small bad" href="/alerts#${id}"><span aria-hidden="true">●</span> Firing</a>`
}

const WORDS: Readonly<Record<VerdictWord, { text: string; mark: string; tone: string }>> = {
  regressed: { text: 'regressed', mark: '▼', tone: 'bad' },
  improved: { text: 'improved', mark: '▲', tone: 'good' },
  unchanged: { text: 'unchanged', mark: '=', tone: 'quiet' },
  inconclusive: { text: 'inconclusive', mark: '?', tone: 'unsure' },
}

export function wordBadge(word: VerdictWord): string {
  const { text, mark, tone } = WORDS[word]
  return html`<span class="badge small ${tone}"><span aria-hidden="true">${mark}</span> ${text}</span>`
}

/** In the stead of a form. @param what it would be for */
export function mayOnlyRead(what: string): string {
  return html`<p class="muted screen-only">Your key may only read: ${what} takes one with the scope <code>write</code>. <a href="/logout">Log out</a> to show another.</p>`
}
