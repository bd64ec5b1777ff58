import type { Command } from 'commander'
import type { ShadowEvent, ShadowTally } from '../../schemas/contracts/gate.ts'
import { newCommand, runs } from './command.ts'
import { connect, withConnection } from './connection.ts'
import { type CliContext, writeJson } from './context.ts'
import { EXIT } from './exit-codes.ts'
import { minute } from './report-text.ts'
import { table } from './table.ts'

export function shadowCommand(context: CliContext): Command {
  const command = withConnection(
    newCommand('shadow', 'What is on trial would have blocked or paged, how often, and when'),
  )
    .argument('[service]', 'only of this service')
    .option('--environment <name>', 'only in this environment')
    .option('--from <instant>', 'since then, ISO 8601 (default: 30 days ago)')
  return runs(context, command, async (invocation, service) => {
    const { environment, from } = invocation.options as Record<string, string | undefined>
    const answer = await connect(invocation).get<{ tally: ShadowTally[]; items: ShadowEvent[] }>(
      '/api/v1/shadow',
      { service, environment, from },
    )
    if (invocation.json) writeJson(context, answer)
    else if (answer.tally.length === 0) context.out.write('Nothing on trial would have blocked or paged.\n')
    else {
      const rows = answer.tally.map((row) => [
        `${row.service} ${row.environment}`,
        row.action,
        row.signal === '' ? row.outcome.replace('_', ' ') : row.signal,
        `${row.deployments} of ${row.of}`,
        `${row.falseAlarms} / ${row.confirmed}`,
        minute(row.last),
      ])
      context.out.write(
        `${table(['Service', 'Would', 'Signal', 'Times', 'False / true', 'Last'], rows, [13, 5, 15, 7, 7, 14])}\n`,
      )
    }
    return EXIT.healthy
  })
}
