import type { Command } from 'commander'
import type { WatchPlan } from '../../schemas/contracts/watch-plan.ts'
import { PostflightError } from '../../schemas/errors.ts'
import { newCommand, runs } from './command.ts'
import { connect, withConnection } from './connection.ts'
import { type CliContext, writeJson } from './context.ts'
import { EXIT } from './exit-codes.ts'
import { type Paint, paintFor } from './paint.ts'
import { wrap } from './report-text.ts'
import { table } from './table.ts'

/** Rows that a terminal is shown; --json has all. */
const MOST_ROWS = 24

export function planCommand(context: CliContext): Command {
  const command = withConnection(
    newCommand('plan', 'Say how long a watch, or how large a canary, it takes to see a change'),
  )
    .argument('<service>', 'such as checkout')
    .option('--environment <name>', 'the environment, if it runs in several')
    .option(
      '--change <percent>',
      "the change to be seen, such as 20%; default: each signal's own smallest effect that matters",
    )
  return runs(context, command, async (invocation, service = '') => {
    const { environment, change } = invocation.options as Record<string, string | undefined>
    const plan = await connect(invocation).get<WatchPlan>(
      `/api/v1/services/${encodeURIComponent(service)}/plan`,
      { environment, ...(change === undefined ? {} : { change: String(ratioOf(change)) }) },
    )
    if (invocation.json) writeJson(context, plan)
    else context.out.write(`${planText(plan, paintFor(context))}\n`)
    return EXIT.healthy
  })
}

function ratioOf(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*%?$/.exec(text.trim())
  const percent = match === null ? Number.NaN : Number(match[1])
  if (percent > 0) return 1 + percent / 100
  throw new PostflightError('INVALID_REQUEST', `--change "${text}" is not a percentage above 0.`, {
    hint: 'Such as 20% (or 20).',
  })
}

export function planText(plan: WatchPlan, paint: Paint): string {
  const watch = String(plan.watchMinutes)
  const lines = [
    paint('bold', `${plan.service}  ${plan.environment}`),
    ...wrap(
      `What a release can be told by, with power ${plan.power} and an error of ${plan.alpha * 100} % a signal, from the newest quiet days. "Sees" is the smallest change that the watch window of ${plan.watchMinutes} minutes would show, before against after; "canary" the share of traffic that is enough within it.`,
      80,
    ),
    '',
    table(
      ['Signal', 'Change', 'Watch', 'Canary', 'Sees'],
      plan.signals
        .slice(0, MOST_ROWS)
        .map((row) => [
          row.dimension === '' ? row.title : `${row.title}: ${row.dimension}`,
          percent(row.change),
          row.minutes === null ? 'over 24 h' : duration(row.minutes),
          row.kind === 'gauge' ? '-' : row.canaryShare === null ? 'over 50 %' : `${row.canaryShare * 100} %`,
          percent(row.detectable[nearest(row.detectable, Number(watch))] ?? null),
        ]),
      [28, 8, 9, 9, 10],
    ),
  ]
  if (plan.signals.length > MOST_ROWS) lines.push(`... and ${plan.signals.length - MOST_ROWS} more: --json`)
  for (const note of plan.notes) lines.push('', ...wrap(`Note: ${note}`, 80))
  return lines.join('\n')
}

/** The window looked at that is no longer than the watch window, or the shortest. */
function nearest(windows: Readonly<Record<string, number | null>>, watch: number): string {
  const known = Object.keys(windows)
    .map(Number)
    .sort((a, b) => a - b)
  return String(known.findLast((minutes) => minutes <= watch) ?? known[0] ?? '')
}

function percent(ratio: number | null): string {
  if (ratio === null) return '-'
  if (ratio >= 10) return `${Number(ratio.toPrecision(2))}x`
  return `+${Number(((ratio - 1) * 100).toPrecision(2))} %`
}

function duration(minutes: number): string {
  return minutes < 60 ? `${minutes} min` : `${minutes / 60} h`
}
