import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { chownSync, readdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import { freePort } from './free-port.ts'

/** A real PostgreSQL in a folder that goes away with it; `admin` may all, without a password. */
export interface PostgresqlServer {
  readonly port: number
  readonly version: string
  /** Where its socket is. */
  readonly socketFolder: string
  /** A connection as the server's owner. */
  admin(database?: string): Promise<pg.Client>
  kill(): Promise<void>
  start(): Promise<void>
  close(): Promise<void>
}

const VERSIONS = '/usr/lib/postgresql'
/** Its server refuses to run as root. */
const OWNER = 'postgres'

/** @param settings more of postgresql.conf */
export async function startPostgresql(
  settings: Readonly<Record<string, string>> = {},
): Promise<PostgresqlServer> {
  return await startIn(settings, async (data, run) => {
    const access = ['--auth-local=trust', '--auth-host=scram-sha-256']
    await run('initdb', ['-D', data, '-U', 'admin', ...access, '--no-sync', '-E', 'UTF8'])
  })
}

/** A standby of `primary` that streams from it. */
export async function startStandby(
  primary: PostgresqlServer,
  settings: Readonly<Record<string, string>> = {},
): Promise<PostgresqlServer> {
  return await startIn(settings, async (data, run) => {
    const from = ['-h', primary.socketFolder, '-p', String(primary.port), '-U', 'admin']
    await run('pg_basebackup', [...from, '-D', data, '-R', '-X', 'stream', '-c', 'fast', '--no-sync'])
  })
}

type Run = (program: string, args: readonly string[]) => Promise<unknown>

async function startIn(
  settings: Readonly<Record<string, string>>,
  fill: (data: string, run: Run) => Promise<void>,
): Promise<PostgresqlServer> {
  const [newest = ''] = readdirSync(VERSIONS).sort((a, b) => Number(b) - Number(a))
  const program = (name: string) => join(VERSIONS, newest, 'bin', name)
  const folder = await mkdtemp(join(tmpdir(), 'postflight-postgresql-'))
  const identity = process.getuid?.() === 0 ? await identityOf(OWNER) : {}
  if (identity.uid !== undefined && identity.gid !== undefined) chownSync(folder, identity.uid, identity.gid)
  const data = join(folder, 'data')
  await fill(data, (name, args) => promisify(execFile)(program(name), args, { ...identity, cwd: folder }))
  const port = await freePort()
  const lines = {
    port: String(port),
    listen_addresses: '127.0.0.1',
    unix_socket_directories: folder,
    fsync: 'off',
    shared_buffers: '16MB',
    deadlock_timeout: '50ms',
    ...settings,
  }
  const args = Object.entries(lines).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  let child: ChildProcess | undefined
  const connect = async (database = 'postgres') => {
    const client = new pg.Client({ host: folder, port, user: 'admin', database })
    client.on('error', () => {})
    await client.connect()
    return client
  }
  const server: PostgresqlServer = {
    port,
    version: newest,
    socketFolder: folder,
    admin: connect,
    async start() {
      child = spawn(program('postgres'), ['-D', data, ...args], { ...identity, cwd: folder, stdio: 'ignore' })
      for (const until = performance.now() + 60_000; ; ) {
        const client = await connect().catch(() => undefined)
        if (client !== undefined) return await client.end()
        if (performance.now() > until || child.exitCode !== null) throw new Error('PostgreSQL did not start')
        await sleep(100)
      }
    },
    async kill() {
      const running = child
      child = undefined
      if (running === undefined || running.exitCode !== null) return
      const ended = new Promise((done) => running.once('exit', done))
      // Immediate shutdown: a crash that leaves no processes behind.
      running.kill('SIGQUIT')
      await ended
    },
    async close() {
      await server.kill()
      await rm(folder, { recursive: true, force: true, maxRetries: 3 })
    },
  }
  await server.start().catch(async (error: unknown) => {
    await server.close()
    throw error
  })
  return server
}

async function identityOf(user: string): Promise<{ uid?: number; gid?: number }> {
  const { stdout: uid } = await promisify(execFile)('id', ['-u', user])
  const { stdout: gid } = await promisify(execFile)('id', ['-g', user])
  return { uid: Number(uid), gid: Number(gid) }
}
