import type { Command } from 'commander'
import {
  causeWords,
  changeWords,
  creepWords,
  hasNews,
  largestReleases,
  slopeWords,
} from '../../analytics/jobs/trend-words.ts'
import type { ServiceSignalTrend, ServiceTrends } from '../../schemas/contracts/service-trends.ts'
import { newCommand, runs } from './command.ts'
import { connect, withConnection } from './connection.ts'
import { type CliContext, writeJson } from './context.ts'
import { EXIT } from './exit-codes.ts'
import { type Paint, paintFor } from './paint.ts'
import { wrap } from './report-text.ts'
import { table } from './table.ts'

export function trendsCommand(context: CliContext): Command {
  const command = withConnection(
    newCommand('trends', 'Say how a service went over a quarter, and what its releases add up to'),
  )
    .argument('<service>', 'such as checkout')
    .option('--environment <name>', 'the environment, if it runs in several')
    .option('--days <n>', 'length of the period, 7 to 366', '91')
  return runs(context, command, async (invocation, service = '') => {
    const { environment, days } = invocation.options as Record<string, string | undefined>
    const trends = await connect(invocation).get<ServiceTrends>(
      `/api/v1/services/${encodeURIComponent(service)}/trends`,
      { environment, days },
    )
    if (invocation.json) writeJson(context, trends)
    else context.out.write(`${trendsText(trends, paintFor(context))}\n`)
    return EXIT.healthy
  })
}

function trendsText(trends: ServiceTrends, paint: Paint): string {
  const day = (time: string): string =>
    trends.stepSeconds < 86_400 ? time.slice(0, 16).replace('T', ' ') : time.slice(0, 10)
  if (trends.signals.length === 0) {
    return [
      paint('bold', `${trends.service}  ${trends.environment}`),
      'Too little telemetry yet: 14 steps of three hours are needed.',
    ].join('\n')
  }
  const news = trends.signals.filter(hasNews)
  const quiet = trends.signals.filter((trend) => !hasNews(trend))
  const lines = [
    paint('bold', `${trends.service}  ${trends.environment}`),
    ...wrap(
      `${day(trends.from)} to ${day(trends.to)} by ${trends.stepSeconds === 86_400 ? 'days' : 'three hours'}, ${trends.releases.length} releases, ${trends.signals.length} signals. Intervals are of 95 %.`,
      80,
    ),
  ]
  for (const trend of news) {
    lines.push('', paint(trend.creep?.crept === true ? 'yellow' : 'bold', trend.title))
    lines.push(...entry('trend', slopeWords(trend)), ...creepLines(trend))
    for (const change of trend.changes) {
      const where =
        change.earliest === change.latest
          ? day(change.at)
          : `${day(change.at)} (${day(change.earliest)} to ${day(change.latest)})`
      lines.push(...entry('change', `${where}, ${changeWords(change, trend.unit)}: ${causeWords(change)}`))
    }
    if (trend.possible !== null) {
      lines.push(
        ...entry('at the end', `since ${day(trend.possible.at)} apart from before, too short to tell`),
      )
    }
  }
  if (quiet.length > 0) {
    const rows = quiet.map((trend) => [trend.title, slopeWords(trend), creepWords(trend)])
    lines.push('', table(['No change found', 'Trend', 'Releases'], rows, [22, 24, 24]))
  }
  return lines.join('\n')
}

function creepLines(trend: ServiceSignalTrend): string[] {
  if (trend.creep === null) return []
  const crept = trend.creep.crept ? 'creeps. ' : ''
  return entry('releases', `${crept}${creepWords(trend)}; most from ${largestReleases(trend, 3)}`)
}

/** A named line, wrapped under itself. */
function entry(name: string, text: string): string[] {
  return wrap(text, 66).map((line, at) => `  ${(at === 0 ? name : '').padEnd(11)} ${line}`)
}
