import type { Command } from 'commander'
import { isToldRegression } from '../../schemas/contracts/alert.ts'
import type { LiveWatch } from '../../schemas/contracts/live-watch.ts'
import type { Report } from '../../schemas/contracts/report.ts'
import { newCommand, runs } from './command.ts'
import { connect, withConnection } from './connection.ts'
import { type CliContext, writeJson } from './context.ts'
import { exitCodeOfReport } from './exit-codes.ts'
import { paintFor } from './paint.ts'
import { parseRelease, withRelease } from './release-name.ts'
import { reportText } from './report-text.ts'

export function reportCommand(context: CliContext): Command {
  const command = withRelease(
    withConnection(newCommand('report', "Print a release's report; the exit code says the verdict")),
  )
    .option('--environment <name>', 'the environment, if it was deployed into several')
    .addHelpText(
      'after',
      '\nExit codes: 0 healthy, 1 regressed, rolled back, or an alert of it fires, 2 not decided (watching, inconclusive, superseded), 3 no data or unknown,\n4 failed, 6 Postflight does not answer or refuses the key, 64 wrong usage or settings.',
    )
  return runs(context, command, async (invocation, text = '') => {
    const { service, version } = parseRelease(text, invocation.options['release'])
    const api = connect(invocation)
    const environment = invocation.options['environment'] as string | undefined
    const path = `${encodeURIComponent(service)}/${encodeURIComponent(version)}`
    const report = await api.get<Report>(`/api/v1/releases/${path}/report`, { environment })
    const live = await api.get<LiveWatch>(
      `/api/v1/deployments/${encodeURIComponent(report.deployment.id)}/watch`,
    )
    const alert = live.alerts.find((one) => one.status === 'firing' && isToldRegression(one))
    const link = `${api.address}/releases/${path}?environment=${encodeURIComponent(report.deployment.environment)}`
    if (invocation.json) writeJson(context, { ...report, alert: alert ?? null })
    else context.out.write(`${reportText(report, link, paintFor(context), alert)}\n`)
    return exitCodeOfReport(report.state, live, alert !== undefined)
  })
}
