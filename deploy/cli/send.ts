import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import { PostflightError } from '../../schemas/errors.ts'
import { newCommand, runs } from './command.ts'
import { type CliContext, writeJson } from './context.ts'
import { EXIT } from './exit-codes.ts'
import { parseRelease, withRelease } from './release-name.ts'

/** Bytes of one request, and milliseconds that a line of a slow source waits for others. */
const BATCH = 1024 * 1024
const WAIT = 1_000
/** Milliseconds between attempts; after the last the command fails and says how far it came. */
const ATTEMPTS = [200, 500, 1_000, 2_000, 5_000, 10_000]

interface Tally {
  accepted: number
  rejected: number
}

export function sendCommand(context: CliContext): Command {
  const command = withRelease(
    newCommand('send', 'Send logs that are JSON lines, from a file or standard input'),
    'the release that wrote them, where a line does not say',
  )
    .argument('[file]', 'a file; - or none: standard input')
    .option('--environment <name>', 'where it runs')
    .option('--otlp <url>', 'where telemetry is received (default: the port of the settings)')
    .option('--key <key>', 'key to show (default: POSTFLIGHT_KEY)')
  return runs(context, command, async ({ options, config, json }, release = '', file = '-') => {
    const { service, version } = parseRelease(release, options['release'])
    const { environment, otlp, key } = options as Record<string, string | undefined>
    const query = new URLSearchParams({ service, version, environment: environment ?? '' })
    const url = `${otlp ?? `http://${config.otlp.host}:${config.otlp.port}`}/v1/jsonl?${query}`
    const credential = key ?? context.env['POSTFLIGHT_KEY']
    const tally: Tally = { accepted: 0, rejected: 0 }
    for await (const batch of batches(file)) {
      const { accepted, rejected, message } = await post(url, batch, credential, tally)
      tally.accepted += accepted
      tally.rejected += rejected
      if (message !== '') context.err.write(`${message}\n`)
    }
    if (json) writeJson(context, tally)
    else context.out.write(`${tally.accepted} lines stored, ${tally.rejected} put aside (dead_letter)\n`)
    return tally.rejected === 0 ? EXIT.healthy : EXIT.failed
  })
}

/** Lines in pieces of about a megabyte, or of what came within a second. */
async function* batches(file: string): AsyncGenerator<string> {
  const input: Readable = file === '-' ? process.stdin : createReadStream(file)
  const failed = new Promise<never>((_, reject) =>
    input.once('error', (cause: Error) =>
      reject(
        new PostflightError('INVALID_REQUEST', `${file} cannot be read: ${cause.message}`, {
          hint: 'Name a file of JSON lines, or - for standard input.',
          cause,
        }),
      ),
    ),
  )
  const lines = createInterface({ input })[Symbol.asyncIterator]() as AsyncIterator<string, undefined>
  let held: string[] = []
  let size = 0
  let since = 0
  let next = lines.next()
  for (;;) {
    const timeout = held.length === 0 ? undefined : sleep(Math.max(0, since + WAIT - performance.now()))
    const line = await Promise.race([next, failed, ...(timeout === undefined ? [] : [timeout])])
    if (line?.done === true) break
    if (line?.value !== undefined) {
      if (held.length === 0) since = performance.now()
      held.push(line.value)
      size += line.value.length
      next = lines.next()
      if (size < BATCH && performance.now() < since + WAIT) continue
    }
    yield held.join('\n')
    held = []
    size = 0
  }
  if (held.length > 0) yield held.join('\n')
}

interface Answer {
  readonly accepted: number
  readonly rejected: number
  readonly message: string
}

async function post(url: string, body: string, key: string | undefined, sent: Tally): Promise<Answer> {
  const headers = {
    'content-type': 'application/x-ndjson',
    ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
  }
  let told = ''
  for (const wait of [...ATTEMPTS, 0]) {
    const response = await fetch(url, { method: 'POST', headers, body }).catch((error: unknown) => {
      told = error instanceof Error ? String(error.cause ?? error.message) : String(error)
      return undefined
    })
    if (response?.status === 200) return (await response.json()) as Answer
    if (response !== undefined) {
      told = messageOf(await response.text())
      if (response.status !== 503 && response.status !== 429)
        throw refusal(response.status, `Postflight refuses the lines (${response.status}): ${told}`, sent)
    }
    if (wait > 0) await sleep(wait)
  }
  throw new PostflightError('STORE_UNREACHABLE', `The lines could not be sent to ${url}: ${told}`, {
    hint: `${/certificate/.test(told) ? 'NODE_EXTRA_CA_CERTS names the PEM file of its authority.' : 'Is it running? npm start.'} ${already(sent)}`,
  })
}

/** What an answer says, which is JSON with a message. */
function messageOf(answer: string): string {
  try {
    const { message } = JSON.parse(answer) as { message?: unknown }
    return typeof message === 'string' ? message : answer
  } catch {
    return answer
  }
}

function refusal(status: number, message: string, sent: Tally): PostflightError {
  if (status !== 401 && status !== 403)
    return new PostflightError('INVALID_REQUEST', message, { hint: already(sent) })
  return new PostflightError(status === 401 ? 'UNAUTHENTICATED' : 'FORBIDDEN', message, {
    hint: `--key or POSTFLIGHT_KEY shows a key: postflight keys create --name NAME --scopes ingest. ${already(sent)}`,
  })
}

function already({ accepted }: Tally): string {
  return `${accepted} lines were stored before.`
}
