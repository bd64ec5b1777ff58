import type { Command } from 'commander'
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
    .option('--exit-after <part>', 'end after: history, live')
  return runs(context, command, async ({ config, options }) => {
    const { seed, days, exitAfter } = options as Record<string, string | undefined>
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
          ...(seed === undefined ? {} : { seed: Number(seed) }),
          ...(days === undefined ? {} : { days: Number(days) }),
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
