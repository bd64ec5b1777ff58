import { quantity } from '../../analytics/jobs/words.ts'
import type { Gate, GateEvidence } from '../../schemas/contracts/gate.ts'

/** `Server errors: POST /pay` */
export function signalName({ title, dimension }: Pick<GateEvidence, 'title' | 'dimension'>): string {
  return printable(dimension === '' ? title : `${title}: ${dimension}`)
}

/** Names come from telemetry: a terminal must not take them for commands. */
export function printable(text: string): string {
  return text.toWellFormed().replaceAll(/[^\P{Cc}\n]/gu, '')
}

/** `2.1x (1.4x to 3.2x)`: the effect and its interval. */
export function effect(evidence: GateEvidence): string {
  const inRatio = evidence.intervalOf === 'ratio'
  const written = (value: number | null) =>
    value === null ? 'any' : inRatio ? `${Number(value.toPrecision(3))}x` : amount(value, evidence.unit)
  const [low, high] = evidence.interval
  const value = written(inRatio ? evidence.effectRatio : evidence.effectDifference)
  if (low === null && high === null) return `${value} (not known how exactly)`
  return `${value} (${written(low)} to ${written(high)})`
}

/** `212 ms`; that a rate is per request, the signal's title says. */
export function amount(value: number | null, unit: string): string {
  return value === null ? '-' : quantity(value, unit).replace(/ per request$/, '')
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
