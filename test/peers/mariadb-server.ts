import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import mysql, { type Connection } from 'mysql2/promise'
import { freePort } from './free-port.ts'

/** A real MariaDB in a folder that goes away with it; its root needs no password at the socket. */
export interface MariadbServer {
  readonly port: number
  admin(): Promise<Connection>
  close(): Promise<void>
}

/** @param settings more of its options, without the dashes */
export async function startMariadb(settings: Readonly<Record<string, string>> = {}): Promise<MariadbServer> {
  const folder = await mkdtemp(join(tmpdir(), 'postflight-mariadb-'))
  const data = join(folder, 'data')
  const socket = join(folder, 's')
  const user = userInfo().username
  await promisify(execFile)('mariadb-install-db', [
    '--no-defaults',
    `--datadir=${data}`,
    `--user=${user}`,
    '--auth-root-authentication-method=normal',
    '--skip-test-db',
  ])
  const port = await freePort()
  const options = {
    datadir: data,
    socket,
    port: String(port),
    'bind-address': '127.0.0.1',
    user,
    'pid-file': join(folder, 'pid'),
    'innodb-buffer-pool-size': '16M',
    'innodb-flush-log-at-trx-commit': '0',
    'performance-schema': 'ON',
    ...settings,
  }
  const child: ChildProcess = spawn(
    '/usr/sbin/mariadbd',
    ['--no-defaults', ...Object.entries(options).map(([name, value]) => `--${name}=${value}`)],
    { stdio: 'ignore' },
  )
  const admin = async () => await mysql.createConnection({ socketPath: socket, user: 'root' })
  const close = async () => {
    if (child.exitCode === null) {
      const ended = new Promise((done) => child.once('exit', done))
      child.kill('SIGKILL')
      await ended
    }
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  }
  for (const until = performance.now() + 60_000; ; ) {
    const connection = await admin().catch(() => undefined)
    if (connection !== undefined) {
      await connection.end()
      return { port, admin, close }
    }
    if (performance.now() > until || child.exitCode !== null) {
      await close()
      throw new Error('MariaDB did not start')
    }
    await sleep(100)
  }
}
