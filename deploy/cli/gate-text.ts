import type { Gate } from '../../schemas/contracts/gate.ts'
import { effectText } from './effect-text.ts'
import { levels, outcomeWord, printable, samples, signalName } from './gate-evidence.ts'
import type { Paint } from './paint.ts'
import { minute, wrap } from './report-text.ts'
import { table } from './table.ts'

/** Rows of evidence in a terminal; the files and --json have all. */
const MOST_ROWS = 8

/** What a gate waits for, in one line. */
export function waitingText(gate: Gate, now: number): string {
  const seconds = Math.max(0, Math.round((Date.parse(gate.until) - now) / 1000))
  const left = seconds < 60 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`
  const known =
    gate.known === null ? '' : ` Known in about ${gate.known.minutes} min (${gate.known.at.slice(11, 16)}Z).`
  return `waiting, ${left} left: ${printable(gate.reasons[0] ?? '')}${known}`
}

/** A settled gate for a terminal of 80 columns: the decision, why, and what it rests on. */
export function gateText(gate: Gate, link: string, paint: Paint): string {
  const passed = gate.decision === 'pass'
  const colour = !passed ? 'red' : gate.meaning === null ? 'green' : 'yellow'
  const lines = [
    paint('bold', `${gate.service}@${gate.version}  ${gate.environment}`),
    paint(colour, outcomeWord(gate)),
    ...gate.reasons.flatMap((reason) => wrap(printable(reason), 80)),
    '',
    `Next       ${gate.step.replace('_', ' ')}`,
    ...(gate.deployedAt === null
      ? []
      : [`Deployed   ${minute(gate.deployedAt)}, after ${gate.baselineVersion ?? 'nothing that is known'}`]),
  ]
  if (gate.evidence.length > 0) {
    lines.push(
      table(
        ['Signal', 'Before', 'After', 'n', 'Change (interval)'],
        gate.evidence
          .slice(0, MOST_ROWS)
          .map((evidence) => [
            `${signalName(evidence)}${evidence.shadow ? ' (on trial)' : ''}`,
            levels(evidence).before,
            levels(evidence).after,
            samples(evidence),
            effectText(evidence),
          ]),
        [19, 9, 9, 10, 17],
      ),
    )
  }
  return [...lines, '', paint('cyan', link)].join('\n')
}
