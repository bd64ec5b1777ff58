import { userInfo } from 'node:os'
import type { Command } from 'commander'
import type { Alert } from '../../schemas/contracts/alert.ts'
import type { Mute } from '../../schemas/contracts/mute.ts'
import { PostflightError } from '../../schemas/errors.ts'
import { newCommand, runs } from './command.ts'
import { connect, withConnection } from './connection.ts'
import { type CliContext, writeJson } from './context.ts'
import { parseDuration } from './duration.ts'
import { EXIT } from './exit-codes.ts'
import { minute } from './report-text.ts'
import { table } from './table.ts'

export function muteCommand(context: CliContext): Command {
  const command = withConnection(
    newCommand('mute', 'Be silent about a service, an environment or an alert for a while'),
  )
    .argument('[service]', 'default: every service')
    .option('--environment <name>', 'only there')
    .option('--alert <id>', 'only this alert')
    .option('--for <time>', 'such as 2h: it ends by itself')
    .option('--from <instant>', 'ISO 8601; a planned maintenance begins later than now')
    .option('--reason <text>', 'why', '')
    .option('--by <name>', 'who (default: the user of this machine)')
    .option('--list', 'show the mutes that have not ended')
    .option('--end <id>', 'end one now')
  return runs(context, command, async (invocation, service = '') => {
    const api = connect(invocation)
    const options = invocation.options as Record<string, string | undefined>
    if (invocation.options['list'] === true) {
      const { items } = await api.get<{ items: Mute[] }>('/api/v1/mutes')
      if (invocation.json) writeJson(context, items)
      else if (items.length === 0) context.out.write('Nothing is muted.\n')
      else {
        const rows = items.map((mute) => [
          mute.id,
          thing(mute),
          `${minute(mute.startsAt)} to ${minute(mute.endsAt)}`,
        ])
        context.out.write(`${table(['Id', 'What', 'When'], rows, [36, 14, 20])}\n`)
      }
      return EXIT.healthy
    }
    if (options['end'] !== undefined) {
      const mute = await api.delete<Mute>(`/api/v1/mutes/${encodeURIComponent(options['end'])}`)
      if (invocation.json) writeJson(context, mute)
      else context.out.write(`Ended: ${thing(mute)}.\n`)
      return EXIT.healthy
    }
    if (options['for'] === undefined)
      throw new PostflightError('INVALID_REQUEST', '--for: expected a time, such as 2h, got none.', {
        hint: 'A mute always ends by itself. --list shows those that there are.',
      })
    const mute = await api.post<Mute>('/api/v1/mutes', {
      service,
      environment: options['environment'] ?? '',
      alertId: options['alert'] ?? '',
      minutes: parseDuration('--for', options['for']),
      reason: options['reason'],
      by: options['by'] ?? userInfo().username,
      ...(options['from'] === undefined ? {} : { startsAt: options['from'] }),
    })
    if (invocation.json) writeJson(context, mute)
    else
      context.out.write(
        `Muted ${thing(mute)} from ${minute(mute.startsAt)} to ${minute(mute.endsAt)}: ${mute.id}\n`,
      )
    return EXIT.healthy
  })
}

export function acknowledgeCommand(context: CliContext): Command {
  const command = withConnection(newCommand('acknowledge', 'Say that somebody has taken an alert'))
    .alias('ack')
    .argument('<alert>', 'its id, such as regression-3fa1')
    .option('--by <name>', 'who (default: the user of this machine)')
  return runs(context, command, async (invocation, id = '') => {
    const by = invocation.options['by']
    const alert = await connect(invocation).post<Alert>(
      `/api/v1/alerts/${encodeURIComponent(id)}/acknowledge`,
      {
        by: typeof by === 'string' ? by : userInfo().username,
      },
    )
    if (invocation.json) writeJson(context, alert)
    else context.out.write(`Acknowledged by ${alert.acknowledged?.by ?? ''}: ${alert.summary}\n`)
    return EXIT.healthy
  })
}

function thing(mute: Mute): string {
  const parts = [mute.alertId, mute.service, mute.environment].filter((part) => part !== '')
  return parts.length === 0 ? 'everything' : parts.join(' in ')
}
