import { comparedLevels } from '../../analytics/jobs/words.ts'
import type { Gate, GateEvidence } from '../../schemas/contracts/gate.ts'
import { amount } from './effect-text.ts'

/** `Server response time: POST /pay, p95` */
export function signalName(evidence: GateEvidence): string {
  const { title, dimension } = evidence
  const { of } = comparedLevels(evidence)
  return printable(`${dimension === '' ? title : `${title}: ${dimension}`}${of === '' ? '' : `, ${of}`}`)
}

/** Names come from telemetry: a terminal must not take them for commands. */
export function printable(text: string): string {
  return text.toWellFormed().replaceAll(/[^\P{Cc}\n]/gu, '')
}

/** What was compared, before and after. */
export function levels(evidence: GateEvidence): { readonly before: string; readonly after: string } {
  const { before, after } = comparedLevels(evidence)
  return { before: amount(before, evidence.unit), after: amount(after, evidence.unit) }
}

/** `5,746 / 1,377`: events or samples before and after. */
export function samples({ before, after }: Pick<GateEvidence, 'before' | 'after'>): string {
  return `${grouped(before.count)} / ${grouped(after.count)}`
}

function grouped(count: number | null): string {
  if (count === null) return '-'
  return Math.round(count)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ',')
}

/** Whether something kept a release from passing, in a word for people. */
export function outcomeWord(gate: Gate): string {
  if (gate.decision === 'hold') return 'waiting'
  const state = gate.outcome.replace('_', ' ')
  return gate.decision === 'pass'
    ? gate.meaning === null
      ? 'pass'
      : `pass (${state}: ${gate.meaning})`
    : `fail: ${state}`
}
