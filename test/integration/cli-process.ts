import { spawn } from 'node:child_process'
import { join } from 'node:path'

const ENTRY = join(import.meta.dirname, '..', '..', 'deploy', 'cli', 'postflight.ts')

export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** The command line as it runs: plain Node, which refuses what the test runner would have transformed. */
export function startCli(cwd: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, [ENTRY, ...args], {
    cwd,
    env: { PATH: process.env['PATH'] ?? '', ...env },
  })
  const ended = new Promise<Ended>((done) => {
    let [out, err] = ['', '']
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk
    })
    child.stderr.on('data', (chunk: Buffer) => {
      err += chunk
    })
    child.on('close', (code) => done({ code, out, err }))
  })
  return { child, ended }
}

export interface Started {
  readonly api: string
  readonly otlp: string
  /** Ends it as Ctrl-C would. */
  stop(): Promise<Ended>
}

const ANY_PORTS = ['--clickhouse.port', '--otlp.port', '--otlp.grpcPort', '--api.port'].flatMap((flag) => [
  flag,
  '0',
])

/** `postflight up` on free ports, once it is ready. Rejects with what it printed if it ends before. */
export async function startUp(cwd: string, flags: readonly string[]): Promise<Started> {
  const { child, ended } = startCli(cwd, ['up', '--json', ...ANY_PORTS, ...flags])
  const line = await Promise.race([
    new Promise<Buffer>((done) => child.stdout.once('data', done)),
    ended.then(({ err }) => {
      throw new Error(`postflight up has ended: ${err}`)
    }),
  ])
  const { api, otlp } = JSON.parse(line.toString()) as { api: string; otlp: string }
  return {
    api,
    otlp,
    stop: () => {
      child.kill('SIGTERM')
      return ended
    },
  }
}
