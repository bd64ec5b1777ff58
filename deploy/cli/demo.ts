import { type Command, Option } from 'commander'
import { PostflightError } from '../../schemas/errors.ts'
import { startAlertReceiver } from '../demo/alert-receiver.ts'
import { runDemo } from '../demo/run.ts'
import { withDemoSettings } from '../demo/settings.ts'
import { newCommand, runs } from './command.ts'
import type { CliContext } from './context.ts'
import { EXIT } from './exit-codes.ts'
import { paintFor } from './paint.ts'
import { reportText } from './report-text.ts'
import { startService } from './serve.ts'

export function demoCommand(context: CliContext): Command {
  const command = newCommand(
    'demo',
    "Start Postflight with a shop's history and a live roll-out that makes things worse",
  )
    .option('--seed <n>', 'another history')
    .option('--days <n>', 'days of history, 14 to 42')
    .addOption(new Option('--exit-after <part>', 'end after one part').choices(['history', 'live']))
  return runs(context, command, async ({ config, options }) => {
    const seed = whole('seed', options['seed'], 0, 2 ** 32 - 1)
    const days = whole('days', options['days'], 14, 42)
    const exitAfter = options['exitAfter']
    const alerts = await startAlertReceiver()
    const stop = new AbortController()
    try {
      const { running: postflight, close } = await startService(context, withDemoSettings(config, alerts.url))
      try {
        void context.stopAsked().then(() => stop.abort())
        void postflight.broken.then((error) => stop.abort(error))
        await runDemo({
          apiUrl: postflight.urls.api,
          otlpUrl: postflight.urls.otlp,
          out: context.out,
          clock: context.clock,
          reportText: (report, link) => reportText(report, link, paintFor(context)),
          alerts,
          signal: stop.signal,
          ...(seed === undefined ? {} : { seed }),
          ...(days === undefined ? {} : { days }),
          ...(exitAfter === 'history' || exitAfter === 'live' ? { exitAfter } : {}),
        })
      } finally {
        await close()
      }
    } finally {
      await alerts.close()
    }
    return EXIT.healthy
  })
}

/** @throws PostflightError INVALID_REQUEST */
function whole(name: string, text: unknown, least: number, most: number): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw new PostflightError(
    'INVALID_REQUEST',
    `--${name}: expected a whole number of ${least} to ${most}, got "${String(text)}".`,
  )
}
