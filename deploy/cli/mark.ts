import type { Command } from 'commander'
import { MARKS, type Mark } from '../../schemas/contracts/mark.ts'
import type { DeploymentSummary } from '../../schemas/contracts/release.ts'
import { PostflightError } from '../../schemas/errors.ts'
import { newCommand, runs } from './command.ts'
import { connect, withConnection } from './connection.ts'
import { type CliContext, writeJson } from './context.ts'
import { EXIT } from './exit-codes.ts'
import { parseRelease, withRelease } from './release-name.ts'

export function markCommand(context: CliContext): Command {
  const command = withRelease(
    withConnection(newCommand('mark', 'Say that a verdict was a false alarm, true, or missed something')),
  )
    .argument('<mark>', 'false-alarm, true or missed; none takes it back')
    .option('--environment <name>', 'the environment, if it was deployed into several')
    .option('--signal <id>', 'only of this signal, such as latency.server')
    .option('--dimension <name>', 'only of this dimension of it, such as "POST /pay"')
    .option('--note <text>', 'why')
    .option('--by <name>', 'who says so')
  return runs(context, command, async (invocation, text = '', word = '') => {
    const { environment, signal, dimension, note, by, release } = invocation.options as Record<
      string,
      string | undefined
    >
    const { service, version } = parseRelease(text, release)
    const api = connect(invocation)
    const { items } = await api.get<{ items: DeploymentSummary[] }>('/api/v1/deployments', {
      service,
      version,
      environment,
      limit: '1',
    })
    const [deployment] = items
    if (deployment === undefined) {
      throw new PostflightError('RELEASE_NOT_FOUND', `No deployment of ${service} ${version} is known.`, {
        hint: 'postflight releases lists them.',
      })
    }
    const { items: marks } = await api.put<{ items: Mark[] }>(
      `/api/v1/deployments/${deployment.deploymentId}/marks`,
      { mark: parseMark(word), signal, dimension, note, by },
    )
    if (invocation.json) writeJson(context, marks)
    else {
      const lines = marks.map(
        (mark) =>
          `${mark.signal === '' ? 'the deployment' : `${mark.signal} ${mark.dimension}`.trim()}: ${mark.mark.replace('_', ' ')}${mark.note === '' ? '' : ` (${mark.note})`}`,
      )
      context.out.write(
        `${service}@${version}  ${deployment.environment}\n${lines.length === 0 ? 'No marks.' : lines.join('\n')}\n`,
      )
    }
    return EXIT.healthy
  })
}

/** @throws PostflightError INVALID_REQUEST */
function parseMark(word: string): Mark['mark'] | null {
  if (word === 'none') return null
  const mark = MARKS.find((known) => known === word.replaceAll('-', '_'))
  if (mark !== undefined) return mark
  throw new PostflightError('INVALID_REQUEST', `"${word}" is no mark.`, {
    hint: 'Marks: false-alarm, true, missed, or none.',
  })
}
