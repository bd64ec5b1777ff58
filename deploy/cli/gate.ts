import { appendFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import type { Gate } from '../../schemas/contracts/gate.ts'
import { PostflightError } from '../../schemas/errors.ts'
import { MEANINGS, type Meaning, POLICY_STATES, type PolicyState } from '../../schemas/gate.ts'
import { type Invocation, newCommand, runs } from './command.ts'
import { connect, withConnection } from './connection.ts'
import { type CliContext, writeJson } from './context.ts'
import { parseDuration } from './duration.ts'
import { exitCodeOfGate } from './exit-codes.ts'
import { gateJunit } from './gate-junit.ts'
import { gateMarkdown } from './gate-markdown.ts'
import { gateText, waitingText } from './gate-text.ts'
import { paintFor } from './paint.ts'
import { parseRelease, withRelease } from './release-name.ts'

/** Milliseconds between two questions, and between two lines where nobody watches. */
const ASK_EVERY = 5_000
const SAY_EVERY = 60_000

export function gateCommand(context: CliContext): Command {
  const command = withRelease(
    withConnection(newCommand('gate', 'Wait until a release may go on; the exit code is the decision')),
  )
    .option('--environment <name>', 'where it was deployed', 'default')
    .option('--wait <time>', 'how long to wait for a decision, such as 30m (default: gate.waitMinutes)')
    .option(
      '--since <instant>',
      'only a deployment from then on is meant, ISO 8601 (default: gate.sinceMinutes ago)',
    )
    .option(
      '--policy <state=meaning...>',
      'what a state means: block, warn or shadow; such as inconclusive=warn no-data=shadow',
    )
    .option('--junit <file>', 'write JUnit XML')
    .option('--markdown <file>', 'write a summary for a pull request ($GITHUB_STEP_SUMMARY gets it too)')
    .addHelpText(
      'after',
      '\nExit codes: 0 pass, 1 regressed or rolled back, 2 not decided at the end, 3 no data or never deployed,\n4 failed, 6 Postflight does not answer or refuses the key, 64 wrong usage or settings.',
    )
  return runs(context, command, async (invocation, text = '') => {
    const { environment, wait, since, policy, junit, markdown, release } = invocation.options as Record<
      string,
      string | undefined
    > & { policy?: string[] }
    const asked = {
      ...parseRelease(text, release),
      environment,
      since,
      policy: parsePolicy(policy ?? []),
      ...(wait === undefined ? {} : { waitMinutes: parseDuration('--wait', wait) }),
    }
    const api = connect(invocation)
    const opened = await api.post<Gate>('/api/v1/gates', asked)
    const gate = await waitFor(invocation, opened, () => api.get<Gate>(`/api/v1/gates/${opened.id}`))
    const link = gate.link.startsWith('/') ? `${api.address}${gate.link}` : gate.link
    if (junit !== undefined) write(context, '--junit', junit, gateJunit(gate, link))
    if (markdown !== undefined) write(context, '--markdown', markdown, gateMarkdown(gate, link))
    const summary = context.env['GITHUB_STEP_SUMMARY']
    if (summary !== undefined && summary !== '') appendFileSync(summary, gateMarkdown(gate, link))
    if (invocation.json) writeJson(context, gate)
    else context.out.write(`${gateText(gate, link, paintFor(context))}\n`)
    return exitCodeOfGate(gate)
  })
}

/** Asks until it is settled. An answer that fails is asked for again: what restarts meanwhile should not fail a pipeline. */
async function waitFor({ context }: Invocation, opened: Gate, ask: () => Promise<Gate>): Promise<Gate> {
  const { err, clock } = context
  const live = err.isTTY === true
  let gate = opened
  let said = Number.NEGATIVE_INFINITY
  let last = ''
  const say = (line: string): void => {
    if (live) err.write(`\r\u001b[2K${line.slice(0, Math.max(20, (err.columns ?? 80) - 1))}`)
    else if (clock() - said >= SAY_EVERY || line.split(': ')[1] !== last.split(': ')[1]) {
      err.write(`${new Date(clock()).toISOString().slice(11, 19)}Z ${line}\n`)
      said = clock()
      last = line
    }
  }
  while (!gate.settled) {
    say(waitingText(gate, clock()))
    const left = Date.parse(gate.until) - clock()
    // The server's clock decides when the time is over; a little after it, it has.
    await sleep(Math.min(ASK_EVERY, Math.max(200, left + 50)))
    try {
      gate = await ask()
    } catch (error) {
      const passing = error instanceof PostflightError && error.retryable
      if (!passing || clock() > Date.parse(gate.until) + 2 * SAY_EVERY) throw error
      say(`no answer, asking again: ${error.message}`)
    }
  }
  if (live) err.write('\r\u001b[2K')
  return gate
}

/** `no-data=warn` or `noData=warn`, several with commas or spaces between. @throws PostflightError INVALID_REQUEST */
function parsePolicy(pairs: readonly string[]): Partial<Record<PolicyState, Meaning>> {
  const policy: Partial<Record<PolicyState, Meaning>> = {}
  for (const pair of pairs.flatMap((text) => text.split(','))) {
    const [name = '', meaning = ''] = pair.split('=')
    const state = POLICY_STATES.find(
      (known) => known.toLowerCase() === name.replaceAll(/[-_]/g, '').toLowerCase(),
    )
    const means = MEANINGS.find((known) => known === meaning)
    if (state === undefined || means === undefined) {
      throw new PostflightError('INVALID_REQUEST', `--policy: expected state=meaning, got "${pair}".`, {
        hint: `States: ${POLICY_STATES.join(', ')}. Meanings: ${MEANINGS.join(', ')}.`,
      })
    }
    policy[state] = means
  }
  return policy
}

/** @throws PostflightError INVALID_REQUEST */
function write(context: CliContext, option: string, file: string, content: string): void {
  try {
    writeFileSync(resolve(context.cwd, file), content)
  } catch (error) {
    throw new PostflightError(
      'INVALID_REQUEST',
      `${option} ${file} cannot be written: ${(error as Error).message}`,
      {
        hint: 'Name a file in a folder that is there.',
        cause: error,
      },
    )
  }
}
