import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { LENT } from '../../schemas/store/insert-file.ts'
import { forgetCutOffInserts } from './deduplication-log.ts'
import { createHttpServer } from './server.ts'
import { SessionPool } from './session-pool.ts'
import type { ChildMessage, ChildOptions, ParentMessage } from './start.ts'

const GRACE_MS = 3000

/** The child process: opens the engine, serves HTTP, and ends when told to or when its parent is gone. */

function tell(message: ChildMessage): void {
  if (process.connected) process.send?.(message)
}

function preparePipes(directory: string, count: number): void {
  // Left over from a process that was killed: bodies whose insert was never acknowledged, and pipes.
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory, { recursive: true })
  execFileSync('mkfifo', [
    '-m',
    '600',
    ...Array.from({ length: count }, (_, slot) => join(directory, `pipe-${slot}`)),
  ])
}

async function forget(directory: string): Promise<void> {
  try {
    const cutOff = await forgetCutOffInserts(directory)
    if (cutOff.length > 0)
      tell({
        type: 'note',
        message: 'The store was killed in the middle of inserts; they can be repeated',
        details: { cutOff },
      })
  } catch (error) {
    // If the engine can do without, so can this: most starts find nothing.
    tell({
      type: 'warning',
      message: 'Inserts that were cut off may be ignored when they are repeated',
      details: { error: String(error) },
    })
  }
}

async function serve(options: ChildOptions): Promise<void> {
  const directory = join(options.dataDir, 'engine')
  await forget(directory)
  const pool = new SessionPool({
    directory,
    args: options.engineArgs,
    maxConcurrent: options.maxConcurrent,
    maxWaiting: options.maxWaiting,
  })
  const spoolDirectory = join(options.dataDir, 'spool')
  preparePipes(spoolDirectory, options.maxConcurrent)
  const [version = '', timezone = '', hostName = ''] = (
    await pool.ask('SELECT version(), timezone(), hostName()')
  ).split('\t')
  const bodyDirectory = join(options.dataDir, 'inserts')
  prepareBodies(bodyDirectory)
  const server = createHttpServer({
    pool,
    user: options.user,
    password: options.password,
    spoolDirectory,
    bodyDirectory,
    maxBodyBytes: options.maxBodyBytes,
    maxExecutionSeconds: options.maxExecutionSeconds,
    version,
    timezone,
    hostName,
    warn: (message, details) => tell({ type: 'warning', message, details }),
  })

  let stopping = false
  const stop = async () => {
    if (stopping) return
    stopping = true
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeIdleConnections()
    // A client that does not take its result must not hold up the end.
    setTimeout(() => server.closeAllConnections(), GRACE_MS).unref()
    await pool.close()
    server.closeAllConnections()
    await closed
    process.exit(0)
  }
  process.on('message', (message: ParentMessage) => {
    if (message.type === 'stop') void stop()
  })
  process.on('disconnect', () => void stop())
  // The parent may have died while the engine was opening, before anybody listened.
  if (!process.connected) await stop()
  process.on('SIGTERM', () => void stop())

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.host, resolve)
  })
  tell({ type: 'ready', port: (server.address() as AddressInfo).port, version })
}

// A terminal's Ctrl+C reaches this process too; the parent decides when the store stops.
process.on('SIGINT', () => undefined)
process.once('message', (message: ParentMessage) => {
  if (message.type !== 'start') return
  serve(message.options).catch((error: unknown) => {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    tell({ type: 'failed', message: error instanceof Error ? error.message : String(error), code })
    process.exitCode = 1
    setTimeout(() => process.exit(1), 200).unref()
    process.disconnect()
  })
})

/** Makes the folder of files that inserts are read from, without what was only there for inserts that have ended. */
function prepareBodies(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  for (const name of readdirSync(directory)) if (name.endsWith(LENT)) rmSync(join(directory, name))
}
