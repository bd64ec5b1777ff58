import { headlineBeside } from '../../analytics/jobs/headline.ts'
import { comparedLevels, isFirstVersion } from '../../analytics/jobs/words.ts'
import type { Alert } from '../../schemas/contracts/alert.ts'
import type { Report, Verdict, VerdictWord } from '../../schemas/contracts/report.ts'
import { amount, effectText } from './effect-text.ts'
import type { Colour, Paint } from './paint.ts'
import { table } from './table.ts'

const COLOURS: Record<VerdictWord, Colour> = {
  regressed: 'red',
  improved: 'green',
  unchanged: 'dim',
  inconclusive: 'yellow',
}
/** Rows of a word that are shown; the page and --json have all. */
const MOST_ROWS = 12

/**
 * The report for a terminal of 80 columns: the verdict in words, then what it rests on.
 * @param alert of this deployment, while it fires
 */
export function reportText(report: Report, link: string, paint: Paint, alert?: Alert): string {
  const { deployment, counts, windows } = report
  const regressed = report.state === 'regressed' || alert !== undefined
  const [headline, more] = alert === undefined ? [report.headline, ''] : headlineBeside(alert, report)
  const lines = [
    paint('bold', `${deployment.service}@${deployment.version}  ${deployment.environment}`),
    ...wrap(headline, 80).map((line) =>
      paint(regressed ? 'red' : report.state === 'healthy' ? 'green' : 'yellow', line),
    ),
    ...(more === '' ? [] : wrap(more, 80)),
    '',
    ...(alert === undefined ? [] : [`Alert      firing since ${minute(alert.startsAt)} (${alert.severity})`]),
    `State      ${isFirstVersion(report.state, report.baselineVersion) ? 'first version' : report.state.replace('_', ' ')}${report.provisional ? ` (provisional; final ${minute(windows.finalAt)})` : ''}`,
    `Deployed   ${minute(deployment.startedAt)}, after ${report.baselineVersion ?? 'nothing that is known'}`,
    ...(report.design === 'side_by_side'
      ? [`Compared   side by side, ${span(windows.after)}`]
      : [
          `Compared   ${span(windows.after)}`,
          `with       ${span(windows.before)}${report.design === 'before_after_seasonal' ? ' (season removed)' : ''}`,
        ]),
    `Signals    ${counts.regressed} regressed, ${counts.improved} improved, ${counts.unchanged} unchanged, ${counts.inconclusive} undecided`,
  ]
  for (const word of ['regressed', 'improved'] as const) {
    const verdicts = report.verdicts.filter((verdict) => verdict.word === word)
    if (verdicts.length === 0) continue
    lines.push(
      '',
      paint(COLOURS[word], `${word[0]?.toUpperCase()}${word.slice(1)}`),
      evidence(verdicts.slice(0, MOST_ROWS)),
    )
    if (verdicts.length > MOST_ROWS) lines.push(`... and ${verdicts.length - MOST_ROWS} more: see the page`)
  }
  for (const { summary } of report.alsoMoved ?? []) lines.push('', ...wrap(`Also moved: ${summary}`, 80))
  for (const note of report.notes) lines.push('', ...wrap(`Note: ${note}`, 80))
  lines.push('', paint('cyan', link))
  return lines.join('\n')
}

function evidence(verdicts: readonly Verdict[]): string {
  return table(
    ['Signal', 'Before', 'After', 'Change (interval)'],
    verdicts.map((verdict) => [
      name(verdict),
      amount(comparedLevels(verdict).before, verdict.unit),
      amount(comparedLevels(verdict).after, verdict.unit),
      change(verdict),
    ]),
    [28, 10, 10, 19],
  )
}

function name(verdict: Verdict): string {
  const { of } = comparedLevels(verdict)
  return `${verdict.title}${verdict.dimension === '' ? '' : `: ${verdict.dimension}`}${of === '' ? '' : `, ${of}`}`
}

function change(verdict: Verdict): string {
  return verdict.fact ?? effectText(verdict)
}

function span({ from, to }: Report['windows']['after']): string {
  return `${minute(from)} to ${minute(to)}`
}

/** Instants to the minute, in UTC as everywhere else. */
export function minute(instant: string): string {
  return `${instant.slice(0, 16).replace('T', ' ')}Z`
}

export function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(/\s+/)) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}
