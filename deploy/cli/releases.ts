import type { Command } from 'commander'
import { isFirstVersion } from '../../analytics/jobs/words.ts'
import type { DeploymentSummary } from '../../schemas/contracts/release.ts'
import { newCommand, runs } from './command.ts'
import { connect, withConnection } from './connection.ts'
import { type CliContext, writeJson } from './context.ts'
import { EXIT } from './exit-codes.ts'
import { minute } from './report-text.ts'
import { table } from './table.ts'

export function releasesCommand(context: CliContext): Command {
  const command = withConnection(newCommand('releases', 'List deployments with their state, newest first'))
    .argument('[service]', 'only of this service')
    .option('--environment <name>', 'only into this environment')
    .option('--state <state>', 'only in this state, such as regressed')
    .option('--limit <n>', 'how many', '20')
  return runs(context, command, async (invocation, service) => {
    const { environment, state, limit } = invocation.options as Record<string, string | undefined>
    const api = connect(invocation)
    const { items } = await api.get<{ items: DeploymentSummary[] }>('/api/v1/deployments', {
      service,
      environment,
      state,
      limit,
    })
    // A name that nothing is known of is not the same as nothing to list.
    if (items.length === 0 && service !== undefined)
      await api.get(`/api/v1/services/${encodeURIComponent(service)}`)
    if (invocation.json) writeJson(context, items)
    else if (items.length === 0)
      context.out.write(
        environment === undefined && state === undefined
          ? 'No deployments yet. Send telemetry with service.version, or: postflight deploy\n'
          : 'No such deployments.\n',
      )
    else {
      const rows = items.map((item) => [
        minute(item.startedAt),
        `${item.service}@${item.version}`,
        item.environment,
        item.state === null
          ? 'no report yet'
          : isFirstVersion(item.state, item.previousVersion)
            ? 'first version'
            : `${item.state.replace('_', ' ')}${item.provisional ? ' (prov.)' : ''}`,
      ])
      context.out.write(`${table(['Deployed', 'Release', 'Environment', 'State'], rows, [17, 22, 12, 16])}\n`)
      if (items.length === Number(limit)) context.out.write(`The newest ${limit}; --limit shows more.\n`)
    }
    return EXIT.healthy
  })
}
