import type { Command } from 'commander'
import { DEPLOYMENT_STATUSES, type Deployment } from '../../schemas/contracts/deployment.ts'
import { PostflightError } from '../../schemas/errors.ts'
import { newCommand, runs } from './command.ts'
import { connect, withConnection } from './connection.ts'
import { type CliContext, writeJson } from './context.ts'
import { EXIT } from './exit-codes.ts'
import { parseRelease, withRelease } from './release-name.ts'

export function deployCommand(context: CliContext): Command {
  const command = withRelease(withConnection(newCommand('deploy', 'Record a deployment, from a pipeline')))
    .option('--environment <name>', 'where it was deployed', 'default')
    .option('--status <status>', DEPLOYMENT_STATUSES.join(', '), 'succeeded')
    .option('--started-at <instant>', 'ISO 8601; default now')
    .option('--finished-at <instant>', 'ISO 8601')
    .option('--attribute <name=value...>', 'what else is worth keeping: commit, author, pipeline')
  return runs(context, command, async (invocation, text = '') => {
    const { environment, status, startedAt, finishedAt, attribute } = invocation.options as Record<
      string,
      unknown
    >
    const deployment = await connect(invocation).post<Deployment>('/api/v1/deployments', {
      ...parseRelease(text, invocation.options['release']),
      environment,
      status,
      startedAt,
      finishedAt,
      attributes: Object.fromEntries(((attribute ?? []) as string[]).map(pair)),
    })
    if (invocation.json) writeJson(context, deployment)
    else {
      const before =
        deployment.previousVersion === null
          ? 'the first that is known'
          : `replaces ${deployment.previousVersion}`
      context.out.write(
        `Recorded ${deployment.service}@${deployment.version} into ${deployment.environment} (${before}): ${deployment.id}\n`,
      )
    }
    return EXIT.healthy
  })
}

function pair(text: string): readonly [string, string] {
  const at = text.indexOf('=')
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)]
  throw new PostflightError('INVALID_REQUEST', `--attribute "${text}" is not name=value.`, {
    hint: 'Such as commit=abc123.',
  })
}
