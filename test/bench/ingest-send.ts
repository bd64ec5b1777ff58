import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** What the sender is to do. */
export interface Load {
  /** With the path of the signal. */
  readonly url: string
  /** Files with one request body each, sent in turn. */
  readonly files: readonly string[]
  readonly recordsEach: number
  /** When the bodies were made, milliseconds since 1970: their times are moved to when they are sent, as live records have them. */
  readonly madeAt: number
  /** Requests at once, at most. */
  readonly connections: number
  readonly seconds: number
  /** Records a second to offer, whatever the answers; left out: as many as are taken. */
  readonly perSecond?: number
}

/** What became of it. */
export interface Sent {
  /** Records of requests answered with 200. */
  readonly acknowledged: number
  /** Requests answered with 503. */
  readonly refused: number
  /** Requests with another answer or none. */
  readonly broken: number
  /** Requests not sent since all connections were taken. */
  readonly behind: number
  /** Seconds until the last answer. */
  readonly elapsed: number
  readonly ackP50Ms: number
  readonly ackP99Ms: number
  /** Of the sender. */
  readonly cpuSeconds: number
}

/** Runs the sender in a process of its own. @throws Error if it fails, or nothing is acknowledged */
export async function send(load: Load): Promise<Sent> {
  const sender = join(import.meta.dirname, 'ingest-sender.ts')
  const { stdout } = await promisify(execFile)(process.execPath, [sender, JSON.stringify(load)])
  const sent = JSON.parse(stdout) as Sent
  if (sent.acknowledged === 0) throw new Error(`${load.url} acknowledged nothing: ${stdout}`)
  return sent
}

/** Request bodies as files, in a folder that goes away with them. */
export interface Bodies {
  readonly files: readonly string[]
  readonly bodies: readonly Buffer[]
  readonly madeAt: number
  remove(): Promise<void>
}

export async function writeBodies(make: (madeAt: number) => readonly Buffer[]): Promise<Bodies> {
  const madeAt = Date.now()
  const bodies = make(madeAt)
  const folder = await mkdtemp(join(tmpdir(), 'postflight-bench-'))
  const files = bodies.map((_, i) => join(folder, `${i}.bin`))
  await Promise.all(bodies.map((body, i) => writeFile(files[i] as string, body)))
  return { files, bodies, madeAt, remove: () => rm(folder, { recursive: true, force: true }) }
}
