import type { Command } from 'commander'
import type { Report } from '../../schemas/contracts/report.ts'
import type { Verification } from '../../schemas/contracts/verification.ts'
import { newCommand, runs } from './command.ts'
import { connect, withConnection } from './connection.ts'
import { type CliContext, writeJson } from './context.ts'
import { EXIT } from './exit-codes.ts'
import { type Paint, paintFor } from './paint.ts'
import { parseRelease, withRelease } from './release-name.ts'
import { minute, wrap } from './report-text.ts'
import { table } from './table.ts'

/** Differences that are listed; --json has all. */
const MOST_ROWS = 12

const OUTCOMES: Record<Verification['outcome'], string> = {
  same: 'The same inputs gave the same words and numbers.',
  inputs_changed: 'The inputs are not what they were, so this is not a test of the method.',
  method_changed:
    'The report was made by another method than this Postflight has, such as before an upgrade: inputs cannot be compared, and numbers may differ.',
  differs: 'The same inputs gave other numbers: this is a fault of Postflight. Please report it.',
  no_receipt: 'The report is older than receipts: its inputs are not known, but its numbers are the same.',
}

const INPUTS: Record<Verification['changedInputs'][number], string> = {
  telemetry: 'telemetry (late data, or rollups past their retention)',
  quietPast: 'quiet past (moments that calibrate)',
  deployments: 'deployments (told later, or with another start)',
  settings: 'signals or settings',
}

export function verifyCommand(context: CliContext): Command {
  const command = withRelease(
    withConnection(
      newCommand('verify', "Compute a release's report again and compare it with the stored one"),
    ),
  )
    .option('--environment <name>', 'the environment, if it was deployed into several')
    .addHelpText(
      'after',
      '\nExit codes: 0 same (or no receipt and the same numbers), 1 differs, 2 inputs or methods have changed since.',
    )
  return runs(context, command, async (invocation, text = '') => {
    const { service, version } = parseRelease(text, invocation.options['release'])
    const api = connect(invocation)
    const environment = invocation.options['environment'] as string | undefined
    const path = `${encodeURIComponent(service)}/${encodeURIComponent(version)}`
    const report = await api.get<Report>(`/api/v1/releases/${path}/report`, { environment })
    const verification = await api.get<Verification>(
      `/api/v1/reports/${encodeURIComponent(report.deployment.id)}/verification`,
    )
    if (invocation.json) writeJson(context, verification)
    else context.out.write(`${verificationText(verification, paintFor(context))}\n`)
    return exitCode(verification.outcome)
  })
}

function exitCode(outcome: Verification['outcome']): number {
  if (outcome === 'same' || outcome === 'no_receipt') return EXIT.healthy
  return outcome === 'differs' ? EXIT.regressed : EXIT.undecided
}

export function verificationText(of: Verification, paint: Paint): string {
  const colour = of.outcome === 'differs' ? 'red' : exitCode(of.outcome) === EXIT.healthy ? 'green' : 'yellow'
  const lines = [
    paint('bold', `${of.service}@${of.version}  ${of.environment}`),
    ...wrap(OUTCOMES[of.outcome], 80).map((line) => paint(colour, line)),
    '',
    `Report     of ${minute(of.computedAt)}, method ${of.stored?.method ?? 'not known'}`,
    ...(of.outcome === 'method_changed' ? [`Now        method ${of.recomputed.method}`] : []),
    `Compared   ${of.compared} words and numbers, ${of.differences.length} differ`,
    ...of.changedInputs.map((input) => `Changed    ${INPUTS[input]}`),
    `Telemetry  sha256 ${of.recomputed.inputs.telemetry}`,
  ]
  if (of.differences.length > 0) {
    lines.push(
      '',
      table(
        ['Signal', 'Field', 'Stored', 'Now'],
        of.differences
          .slice(0, MOST_ROWS)
          .map(({ signal, dimension, field, stored, recomputed }) => [
            dimension === '' ? signal || 'report' : `${signal}: ${dimension}`,
            field,
            shown(stored),
            shown(recomputed),
          ]),
        [25, 16, 13, 13],
      ),
    )
    if (of.differences.length > MOST_ROWS)
      lines.push(`... and ${of.differences.length - MOST_ROWS} more: --json`)
  }
  return lines.join('\n')
}

function shown(value: string | number | null): string {
  if (value === null) return '-'
  return typeof value === 'number' ? String(Number(value.toPrecision(8))) : value
}
