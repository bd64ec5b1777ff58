import type { Command } from 'commander'
import type { Mark } from '../../schemas/contracts/mark.ts'
import { type MarkEvaluation, VARIED, type Varied } from '../../schemas/contracts/mark-evaluation.ts'
import { PostflightError } from '../../schemas/errors.ts'
import { newCommand, runs } from './command.ts'
import { connect, withConnection } from './connection.ts'
import { type CliContext, writeJson } from './context.ts'
import { EXIT } from './exit-codes.ts'
import { wrap } from './report-text.ts'
import { table } from './table.ts'

/** What one setting would have made of the marked verdicts. */
export interface Setting {
  readonly varied: Varied
  readonly value: number
  readonly inForce: boolean
  /** Of those marked as false alarms: how many would have been silent. */
  readonly falseAlarmsSilent: number
  readonly falseAlarms: number
  /** Of those marked as true: how many would have been lost. */
  readonly trueLost: number
  readonly trueOnes: number
  /** Of those marked as missed: how many would have been found. */
  readonly missedFound: number
  readonly missed: number
}

export function evaluateCommand(context: CliContext): Command {
  const command = withConnection(
    newCommand('evaluate', 'Say what other thresholds would have made of the verdicts that people marked'),
  )
    .argument('[service]', 'only of this service')
    .requiredOption('--marked', 'the verdicts that were marked (postflight mark)')
    .option('--environment <name>', 'only in this environment')
  return runs(context, command, async (invocation, service) => {
    const environment = invocation.options['environment'] as string | undefined
    const api = connect(invocation)
    const { items } = await api.get<{ items: Mark[] }>('/api/v1/marks', { service, environment })
    const ids = [...new Set(items.map(({ deploymentId }) => deploymentId))]
    const cases: MarkEvaluation[] = []
    let unreported = 0
    for (const [at, id] of ids.entries()) {
      if (context.err.isTTY === true) context.err.write(`\r\x1b[2Kdeployment ${at + 1} of ${ids.length}`)
      try {
        const path = `/api/v1/deployments/${encodeURIComponent(id)}/marks/evaluation`
        cases.push(await api.get<MarkEvaluation>(path))
      } catch (error) {
        if (!(error instanceof PostflightError) || error.code !== 'REPORT_NOT_READY') throw error
        unreported += 1
      }
    }
    if (context.err.isTTY === true) context.err.write('\r\x1b[2K')
    const settings = settingsOf(cases)
    const changed = cases.filter(({ inputs }) => inputs === 'changed').length
    if (invocation.json) writeJson(context, { settings, cases, left: { changed, unreported } })
    else context.out.write(`${textOf(settings, { deployments: ids.length, changed, unreported })}\n`)
    return EXIT.healthy
  })
}

function settingsOf(evaluations: readonly MarkEvaluation[]): readonly Setting[] {
  const cases = evaluations.flatMap((one) => (one.inputs === 'same' ? one.cases : []))
  const known = cases[0]?.outcomes ?? []
  return VARIED.flatMap((varied) =>
    known
      .filter((one) => one.varied === varied)
      .map(({ value, inForce }) => {
        const count = (mark: Mark['mark'], alarms?: boolean): number =>
          cases.filter(
            (one) =>
              one.mark === mark &&
              (alarms === undefined ||
                one.outcomes.find((outcome) => outcome.varied === varied && outcome.value === value)
                  ?.alarms === alarms),
          ).length
        return {
          varied,
          value,
          inForce,
          falseAlarmsSilent: count('false_alarm', false),
          falseAlarms: count('false_alarm'),
          trueLost: count('true', false),
          trueOnes: count('true'),
          missedFound: count('missed', true),
          missed: count('missed'),
        }
      }),
  )
}

const SETTINGS: Readonly<Record<Varied, (value: number) => string>> = {
  alpha: (value) => `error a deployment ${Number((100 * value).toPrecision(3))} %`,
  relevantChange: (value) => `smallest effect x${value}`,
  minimumExposure: (value) => `at least ${value} requests`,
}

function textOf(
  settings: readonly Setting[],
  of: { readonly deployments: number; readonly changed: number; readonly unreported: number },
): string {
  if (of.deployments === 0) return 'No marks: postflight mark <service>@<version> false-alarm|true|missed'
  const left = [
    ...(of.changed === 0
      ? []
      : [
          `${of.changed} of ${of.deployments} marked deployments are left out: their inputs or methods have changed since (postflight verify).`,
        ]),
    ...(of.unreported === 0 ? [] : [`${of.unreported} of ${of.deployments} have no report.`]),
  ].flatMap((line) => wrap(line, 80))
  if (settings.length === 0) return ['Nothing can be computed again.', ...left].join('\n')
  const rows = settings.map((row) => [
    `${SETTINGS[row.varied](row.value)}${row.inForce ? ' (now)' : ''}`,
    share(row.falseAlarmsSilent, row.falseAlarms),
    share(row.trueLost, row.trueOnes),
    share(row.missedFound, row.missed),
  ])
  return [
    table(['Setting', 'False, silent', 'True, lost', 'Missed, found'], rows, [30, 13, 10, 13]),
    ...left,
  ].join('\n')
}

function share(count: number, all: number): string {
  return all === 0 ? '-' : `${count} of ${all}`
}
