import { execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { freePort } from './free-port.ts'

/** The OpenTelemetry Collector with its ClickHouse exporter, as its documentation recommends it. */
export interface Collector {
  /** OTLP over HTTP. */
  readonly url: string
  readonly pid: number
  /** Waits until all that it took is stored: its queue is empty and its CPU at rest. */
  drain(): Promise<void>
  /** What it said so far. */
  output(): Promise<string>
  close(): Promise<void>
}

const VERSION = 'v0.161.0'
const RECIPE = join(import.meta.dirname, 'collector', 'builder.yaml')

/** Where it sends to: into ClickHouse over HTTP, logs into the tables that are there, or all signals into tables of its own making; or on as OTLP. */
export type CollectorTarget =
  | { readonly storeUrl: string; readonly ownDatabase?: string }
  | {
      readonly otlpUrl: string
      readonly protocol: 'http/protobuf' | 'grpc'
      readonly compression: 'none' | 'gzip' | 'zstd'
    }

/** @throws Error with the line that installs Go if it is missing */
export async function startCollector(options: CollectorTarget): Promise<Collector> {
  const program = await collectorProgram()
  const folder = await mkdtemp(join(tmpdir(), 'postflight-collector-'))
  const port = await freePort()
  const config = join(folder, 'config.yaml')
  const log = join(folder, 'collector.log')
  const configuration = 'storeUrl' in options ? intoClickHouse(port, options) : forwarding(port, options)
  await writeFile(config, configuration)
  const child = spawn('sh', ['-c', 'exec "$1" --config "$2" >"$0" 2>&1', log, program, config], {
    stdio: 'ignore',
  })
  const exited = new Promise<void>((done) => child.once('exit', () => done()))
  const output = () => readFile(log, 'utf8').catch(() => '')
  const close = async () => {
    child.kill('SIGKILL')
    await exited
    await rm(folder, { recursive: true, force: true })
  }
  const url = `http://127.0.0.1:${port}`
  for (const until = performance.now() + 30_000; ; await sleep(100)) {
    if ((await fetch(url).catch(() => undefined)) !== undefined) break
    if (child.exitCode !== null || performance.now() > until) {
      const told = await output()
      await close()
      throw new Error(`The Collector did not start: ${told.slice(-2000)}`)
    }
  }
  const pid = child.pid as number
  const ticks = async () => {
    const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /, '').split(' ')
    return Number(fields[11]) + Number(fields[12])
  }
  return {
    url,
    pid,
    async drain() {
      // Longer than the time after which its batches are sent.
      for (let before = -1000, now = await ticks(); now - before > 10; before = now, now = await ticks())
        await sleep(7_000)
    },
    output,
    close,
  }
}

/** As the exporter's README has it: large batches, a queue in memory; what does not fit waits, so that a long run is not refused and memory stays bounded. */
function intoClickHouse(
  port: number,
  { storeUrl, ownDatabase }: Extract<CollectorTarget, { storeUrl: string }>,
): string {
  const own = ownDatabase !== undefined
  const pipeline = '{ receivers: [otlp], processors: [batch], exporters: [clickhouse] }'
  return `
receivers:
  otlp: { protocols: { http: { endpoint: 127.0.0.1:${port} } } }
processors:
  batch: { timeout: ${own ? '200ms' : '5s'}, send_batch_size: 100000 }
exporters:
  clickhouse:
    endpoint: ${storeUrl}
    database: ${ownDatabase ?? 'default'}
    create_schema: ${own}
    async_insert: false
    compress: none
    logs_table_name: otel_logs
    timeout: 30s
    sending_queue: { queue_size: 20, block_on_overflow: true }
    retry_on_failure: { enabled: true, initial_interval: 1s, max_interval: 10s, max_elapsed_time: 60s }
service:
  telemetry: { metrics: { level: none } }
  pipelines:
    logs: ${pipeline}
${own ? `    traces: ${pipeline}\n    metrics: ${pipeline}\n` : ''}`
}

function forwarding(
  port: number,
  { otlpUrl, protocol, compression }: Extract<CollectorTarget, { otlpUrl: string }>,
): string {
  const exporter = protocol === 'grpc' ? 'otlp' : 'otlphttp'
  const tls = protocol === 'grpc' ? ', tls: { insecure: true }' : ''
  return `
receivers:
  otlp: { protocols: { http: { endpoint: 127.0.0.1:${port} } } }
processors:
  batch: { timeout: 200ms }
exporters:
  ${exporter}: { endpoint: ${otlpUrl}, compression: ${compression}${tls} }
service:
  telemetry: { metrics: { level: none } }
  pipelines:
    logs: { receivers: [otlp], processors: [batch], exporters: [${exporter}] }
    traces: { receivers: [otlp], processors: [batch], exporters: [${exporter}] }
    metrics: { receivers: [otlp], processors: [batch], exporters: [${exporter}] }
`
}

/** Built once from the Go module proxy, by the Collector's own builder. */
async function collectorProgram(): Promise<string> {
  const recipe = createHash('sha256')
    .update(await readFile(RECIPE))
    .digest('hex')
    .slice(0, 16)
  const folder = join(tmpdir(), `postflight-collector-${recipe}`)
  const program = join(folder, 'collector')
  if (existsSync(program)) return program
  const fresh = `${folder}.${process.pid}`
  await mkdir(fresh, { recursive: true })
  // Where it builds is named in the recipe, from here on.
  const line = ['run', `go.opentelemetry.io/collector/cmd/builder@${VERSION}`, '--config', RECIPE]
  await promisify(execFile)('go', line, { cwd: fresh, timeout: 1_200_000, maxBuffer: 2 ** 26 }).catch(
    (error: unknown) => {
      throw new Error(
        `The Collector could not be built. With Go installed (https://go.dev/dl, or apt-get install golang), run:\n  go ${line.join(' ')}`,
        { cause: error },
      )
    },
  )
  await rm(folder, { recursive: true, force: true })
  await rename(join(fresh, 'collector'), folder)
  await rm(fresh, { recursive: true, force: true })
  return program
}
