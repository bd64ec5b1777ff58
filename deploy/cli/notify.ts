import { Command } from 'commander'
import { NOTICE_EVENTS, type NoticeEvent } from '../../analytics/alerts/notice.ts'
import { type Receiver, reasonOf } from '../../analytics/alerts/receiver.ts'
import { receiversOf } from '../../analytics/alerts/receivers/receivers.ts'
import { sampleNotice } from '../../analytics/alerts/sample-notice.ts'
import type { Config } from '../../schemas/config.ts'
import type { Notification } from '../../schemas/contracts/notification.ts'
import { PostflightError } from '../../schemas/errors.ts'
import { type Invocation, newCommand, runs } from './command.ts'
import { connect, withConnection } from './connection.ts'
import { type CliContext, writeJson } from './context.ts'
import { EXIT } from './exit-codes.ts'
import { paintFor } from './paint.ts'
import { minute } from './report-text.ts'
import { table } from './table.ts'

/** Who is told of alerts: a look before it matters. Receivers are those of the settings here. */
export function notifyCommand(context: CliContext): Command {
  return new Command('notify')
    .description('Receivers of alerts: list, preview and test them, and see what they were sent')
    .addCommand(receiversCommand(context))
    .addCommand(previewCommand(context))
    .addCommand(testCommand(context))
    .addCommand(sentCommand(context))
}

function receiversCommand(context: CliContext): Command {
  const command = newCommand('receivers', 'List the receivers of the settings')
  return runs(context, command, async ({ config, json }) => {
    const receivers = receiversOf(config).map(({ name, events, heartbeat }) => ({
      name,
      events: [...events, ...(heartbeat ? ['heartbeat'] : [])],
    }))
    if (json) writeJson(context, receivers)
    else if (receivers.length === 0) context.out.write(`${NOBODY}\n`)
    else {
      const rows = receivers.map(({ name, events }) => [name, events.join(', ')])
      context.out.write(`${table(['Receiver', 'Is told of'], rows, [30, 43])}\n`)
    }
    return EXIT.healthy
  })
}

const NOBODY = 'No receiver is set up: `alerts` in postflight.yaml names them.'

function previewCommand(context: CliContext): Command {
  const command = withEvent(
    newCommand('preview', 'Print what receivers would be sent, without sending it'),
  ).argument('[receiver]', 'such as slack:payments; default: all')
  return runs(context, command, async (invocation, name) => {
    const { config, json } = invocation
    const event = eventOf(invocation)
    const chosen = name === undefined ? receiversOf(config) : [receiverOf(config, name)]
    if (chosen.length === 0) context.err.write(`${NOBODY}\n`)
    const now = context.clock()
    const shown = chosen
      .filter(({ events }) => events.has(event))
      .map((receiver) => ({
        receiver: receiver.name,
        ...receiver.render(sampleNotice(event, addressOf(config), now), now),
      }))
    if (json) writeJson(context, shown)
    else {
      const paint = paintFor(context)
      for (const { receiver, contentType, body } of shown)
        context.out.write(`${paint('bold', receiver)} ${paint('dim', contentType)}\n${body}\n\n`)
    }
    return EXIT.healthy
  })
}

function testCommand(context: CliContext): Command {
  const command = withEvent(
    newCommand('test', 'Send one test message, and say what the receiver answered'),
  ).argument('<receiver>', 'such as slack:payments')
  return runs(context, command, async (invocation, name = '') => {
    const { config, json } = invocation
    const receiver = receiverOf(config, name)
    const event = eventOf(invocation)
    if (!receiver.events.has(event) && !receiver.heartbeat)
      throw new PostflightError('INVALID_REQUEST', `${name} is not told of "${event}".`, {
        hint: `It is told of ${[...receiver.events].join(', ')}.`,
      })
    const now = context.clock()
    const notice = sampleNotice(event, addressOf(config), now)
    const outcome = await receiver.send(notice, now).then(
      (answer) => ({ receiver: name, taken: true, answer }),
      (error: unknown) => ({ receiver: name, taken: false, answer: reasonOf(error) }),
    )
    if (json) writeJson(context, outcome)
    else {
      const paint = paintFor(context)
      const word = outcome.taken ? paint('green', 'taken') : paint('red', 'not taken')
      context.out.write(`${name}: ${word} (${outcome.answer})\n`)
      if (outcome.taken && event === 'firing' && receiver.deduplicates && receiver.events.has('resolved'))
        context.out.write(`It stays open there until: postflight notify test ${name} --event resolved\n`)
    }
    return outcome.taken ? EXIT.healthy : EXIT.failed
  })
}

function sentCommand(context: CliContext): Command {
  const command = withConnection(newCommand('sent', 'What was sent to whom, with its answer, newest first'))
    .option('--receiver <name>', 'only to this receiver')
    .option('--state <state>', 'waiting, sent, superseded or given_up')
    .option('--limit <n>', 'how many', '20')
  return runs(context, command, async (invocation) => {
    const { receiver, state, limit } = invocation.options as Record<string, string | undefined>
    const { items } = await connect(invocation).get<{ items: Notification[] }>('/api/v1/notifications', {
      receiver,
      state,
      limit,
    })
    if (invocation.json) writeJson(context, items)
    else if (items.length === 0) context.out.write('Nothing was sent so far.\n')
    else {
      const rows = items.map((item) => [
        minute(item.attemptedAt ?? item.createdAt),
        item.receiver,
        item.title,
        `${item.state.replace('_', ' ')}${item.answer === '' ? '' : `: ${item.answer}`}`,
      ])
      context.out.write(`${table(['When', 'Receiver', 'What', 'Result'], rows, [16, 14, 21, 16])}\n`)
    }
    return EXIT.healthy
  })
}

function withEvent(command: Command): Command {
  return command.option('--event <event>', NOTICE_EVENTS.join(', '), 'firing')
}

function eventOf({ options }: Invocation): NoticeEvent {
  const event = NOTICE_EVENTS.find((one) => one === options['event'])
  if (event !== undefined) return event
  throw new PostflightError('INVALID_REQUEST', `--event: got "${String(options['event'])}".`, {
    hint: `Expected ${NOTICE_EVENTS.join(', ')}.`,
  })
}

function receiverOf(config: Config, name: string): Receiver {
  const receivers = receiversOf(config)
  const found = receivers.find((receiver) => receiver.name === name)
  if (found !== undefined) return found
  throw new PostflightError('INVALID_REQUEST', `There is no receiver "${name}".`, {
    hint: receivers.length === 0 ? NOBODY : `There are ${receivers.map((one) => one.name).join(', ')}.`,
  })
}

/** Where links lead in a test. */
function addressOf({ api }: Config): string {
  return api.publicUrl === '' ? `http://127.0.0.1:${api.port}` : api.publicUrl.replace(/\/+$/, '')
}
