import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { Intake } from '../../ingest/intake.ts'
import { LogsTranscoder } from '../../ingest/protobuf/logs.ts'
import { LogsBlock } from '../../ingest/tables/otel-logs.ts'
import type { Store } from '../../schemas/store/client.ts'
import { type RunningIngest, startIngest } from '../conformance/postflight.ts'
import { logRequests } from './ingest-load.ts'

const RECORDS_EACH = 5_000
const BODIES = 24
const CONNECTIONS = 16
/** Rows of the file that the engine reads for comparison: about what the writer sends in one insert. */
const FILE_ROWS = 200_000

const LOG_COLUMNS = new LogsBlock().columnNames.join(', ')

export interface IngestFigures {
  /** Acknowledged (so durable) log records a second, the sender on the same machine. */
  readonly logsPerSecond: number
  /** That, of the rate at which the engine itself reads Native files of such rows into the same tables. */
  readonly engineRatio: number
  readonly engineLogsPerSecond: number
  readonly bytesPerRecord: number
  readonly ackP50Ms: number
  readonly ackP99Ms: number
  /** CPU of receiver and store together, without the sender, while receiving. */
  readonly cpuSecondsPerMillionLogs: number
}

/**
 * Sends logs over HTTP to a receiver with the embedded store and all rollup views, then lets the engine read the same
 * rows from Native files into the same tables, each for `seconds`.
 */
export async function measureIngest(options: { seconds: number }): Promise<IngestFigures> {
  const folder = await mkdtemp(join(tmpdir(), 'postflight-bench-'))
  const ingest = await startIngest()
  try {
    const bodies = logRequests(BODIES, RECORDS_EACH, 20_26, Date.now())
    await Promise.all(bodies.map((body, i) => writeFile(join(folder, `${i}.bin`), body)))
    await writeFile(join(folder, 'bodies.json'), JSON.stringify(bodies.map((_, i) => `${i}.bin`)))
    const file = await nativeFile(bodies, folder)

    // Both are warmed up first: JavaScript gets compiled, the engine has its memory.
    await send(ingest.url, folder, Math.min(2, options.seconds / 2))
    await engineRate(ingest.store, file, Math.min(1, options.seconds / 4))
    await empty(ingest.store)

    const cpuBefore = await cpuSeconds(ingest)
    const sent = await send(ingest.url, folder, options.seconds)
    const cpu = (await cpuSeconds(ingest)) - cpuBefore
    const [stored] = await ingest.store.query<{ rows: number }>('SELECT count() AS rows FROM otel_logs')
    if (stored?.rows !== sent.acknowledged) {
      throw new Error(`${sent.acknowledged} records were acknowledged, ${stored?.rows} are stored`)
    }
    await empty(ingest.store)
    const engine = await engineRate(ingest.store, file, options.seconds)
    const logsPerSecond = sent.acknowledged / sent.elapsed
    return {
      logsPerSecond: Math.round(logsPerSecond),
      engineRatio: round(logsPerSecond / engine),
      engineLogsPerSecond: Math.round(engine),
      bytesPerRecord: Math.round(bodies.reduce((sum, body) => sum + body.length, 0) / BODIES / RECORDS_EACH),
      ackP50Ms: Math.round(sent.ackP50Ms),
      ackP99Ms: Math.round(sent.ackP99Ms),
      cpuSecondsPerMillionLogs: round((cpu / sent.acknowledged) * 1e6),
    }
  } finally {
    await ingest.close()
    await rm(folder, { recursive: true, force: true })
  }
}

interface Sent {
  acknowledged: number
  refused: number
  elapsed: number
  ackP50Ms: number
  ackP99Ms: number
}

async function send(url: string, folder: string, seconds: number): Promise<Sent> {
  const sender = fileURLToPath(new URL('./ingest-sender.ts', import.meta.url))
  const parameters = [sender, url, folder, String(RECORDS_EACH), String(CONNECTIONS), String(seconds)]
  const { stdout } = await promisify(execFile)(process.execPath, parameters)
  return JSON.parse(stdout) as Sent
}

/** The same rows as a file in the engine's own format. */
async function nativeFile(bodies: readonly Buffer[], folder: string): Promise<string> {
  const block = new LogsBlock()
  const transcoder = new LogsTranscoder()
  for (let i = 0; block.rows < FILE_ROWS; i++) {
    const intake = new Intake(Date.now(), 86_400_000, 3_600_000, Number.MAX_SAFE_INTEGER)
    transcoder.transcode(bodies[i % bodies.length] as Buffer, block, intake)
  }
  const path = join(folder, 'rows.native')
  await writeFile(path, Buffer.concat(block.encode()))
  return path
}

/** Rows a second of `INSERT ... SELECT FROM file`, two at a time as far as that helps the engine. */
async function engineRate(store: Store, file: string, seconds: number): Promise<number> {
  let rows = 0
  const begun = performance.now()
  const insertUntilEnd = async () => {
    while (performance.now() < begun + seconds * 1000) {
      await store.command(
        `INSERT INTO otel_logs (${LOG_COLUMNS}) SELECT ${LOG_COLUMNS} FROM file({file:String}, 'Native')`,
        { file },
        { settings: { async_insert: 0, materialize_skip_indexes_on_insert: 0 } },
      )
      rows += FILE_ROWS
    }
  }
  await Promise.all([insertUntilEnd(), insertUntilEnd()])
  return rows / ((performance.now() - begun) / 1000)
}

async function empty(store: Store): Promise<void> {
  for (const table of ['otel_logs', 'signal_1m', 'signal_1h']) await store.command(`TRUNCATE TABLE ${table}`)
}

/** CPU seconds so far of this process (the receiver) and of the store's. */
async function cpuSeconds(ingest: RunningIngest): Promise<number> {
  const own = process.cpuUsage()
  const fields = (await readFile(`/proc/${ingest.storePid}/stat`, 'utf8')).replace(/^.*\) /, '').split(' ')
  // Fields 14 and 15 of proc(5) are counted in hundredths of a second.
  return (own.user + own.system) / 1e6 + (Number(fields[11]) + Number(fields[12])) / 100
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { quick: { type: 'boolean' }, json: { type: 'boolean' }, seconds: { type: 'string' } },
  })
  const figures = await measureIngest({ seconds: Number(values.seconds ?? (values.quick ? 4 : 20)) })
  if (!values.json)
    process.stdout.write(`OTLP logs over HTTP, ${cpus().length} cores shared with the sender\n`)
  if (values.json) process.stdout.write(`${JSON.stringify(figures)}\n`)
  else
    for (const [name, value] of Object.entries(figures))
      process.stdout.write(`  ${name.padEnd(26)} ${value}\n`)
}
