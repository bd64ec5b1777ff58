import { execFile } from 'node:child_process'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { checkMysql, mysqlGrants } from '../../ingest/collectors/mysql.ts'
import { checkPostgresql, postgresqlGrants } from '../../ingest/collectors/postgresql.ts'
import { collectorsSchema } from '../../schemas/collectors.ts'
import { makeCertificate } from '../peers/certificate.ts'
import { type MariadbServer, startMariadb } from '../peers/mariadb-server.ts'
import { type PostgresqlServer, startPostgresql } from '../peers/postgresql-server.ts'

const PASSWORD = 'for-this-test'
let folder: string
let postgresql: PostgresqlServer
let mariadb: MariadbServer
let files: Record<'address' | 'name' | 'other', { readonly cert: string; readonly key: string }>

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'postflight-tls-'))
  await chmod(folder, 0o755)
  files = {
    address: await makeCertificate(folder, 'address', 'IP:127.0.0.1'),
    name: await makeCertificate(folder, 'name', 'DNS:localhost'),
    other: await makeCertificate(folder, 'other', 'DNS:example.org'),
  }
  // PostgreSQL takes a key of its owner's only.
  if (process.getuid?.() === 0) await promisify(execFile)('chown', ['postgres', files.address.key])
  postgresql = await startPostgresql({
    ssl: 'on',
    ssl_cert_file: files.address.cert,
    ssl_key_file: files.address.key,
  })
  const owner = await postgresql.admin()
  const target = collectorsSchema.parse({ postgresql: [{ name: 'x', database: 'postgres' }] }).postgresql[0]
  if (target === undefined) throw new Error('no target')
  // Without the extension, which is not loaded here.
  for (const sql of postgresqlGrants(target).slice(0, 3)) await owner.query(sql.replace('...', PASSWORD))
  await owner.end()
  mariadb = await startWith('name')
})
afterAll(async () => {
  await postgresql?.close()
  await mariadb?.close()
  await rm(folder, { recursive: true, force: true })
})

async function startWith(file: keyof typeof files): Promise<MariadbServer> {
  const server = await startMariadb({ 'ssl-cert': files[file].cert, 'ssl-key': files[file].key })
  const root = await server.admin()
  const target = collectorsSchema.parse({ mysql: [{ name: 'x' }] }).mysql[0]
  if (target === undefined) throw new Error('no target')
  for (const sql of mysqlGrants(target, true)) await root.query(sql.replace('...', PASSWORD))
  await root.query("ALTER USER postflight@'%' REQUIRE SSL")
  await root.end()
  return server
}

const askPostgresql = async (more: object) => {
  const account = { name: 'x', database: 'postgres', port: postgresql.port, password: PASSWORD, ...more }
  const [target] = collectorsSchema.parse({ postgresql: [account] }).postgresql
  if (target === undefined) throw new Error('no target')
  return (await checkPostgresql(target)).version
}
const askMysql = async (more: object, server = mariadb) => {
  const account = { name: 'x', host: 'localhost', port: server.port, password: PASSWORD, ...more }
  const [target] = collectorsSchema.parse({ mysql: [account] }).mysql
  if (target === undefined) throw new Error('no target')
  return (await checkMysql(target)).version
}

it('a PostgreSQL is believed by its certificate only', async () => {
  const { address, other } = files
  expect(await askPostgresql({ tls: 'verified', ca: address.cert })).toMatch(/^\d+/)
  expect(await askPostgresql({ tls: 'unverified' })).toMatch(/^\d+/)
  await expect(askPostgresql({ tls: 'verified' })).rejects.toThrow('self-signed certificate')
  await expect(askPostgresql({ tls: 'verified', ca: other.cert })).rejects.toThrow(/certificate/)
  await expect(askPostgresql({ tls: 'verified', ca: address.cert, host: 'localhost' })).rejects.toThrow(
    "does not match certificate's altnames",
  )
  await expect(askPostgresql({ tls: 'verified', ca: '/nowhere' })).rejects.toThrow(
    "authority's file cannot be read",
  )
})

it('a MariaDB is believed by its certificate and its name', async () => {
  const { name, other } = files
  expect(await askMysql({ tls: 'verified', ca: name.cert })).toMatch(/^MariaDB/)
  expect(await askMysql({ tls: 'unverified' })).toMatch(/^MariaDB/)
  await expect(askMysql({ tls: 'off' })).rejects.toThrow('Access denied')
  await expect(askMysql({ tls: 'verified' })).rejects.toThrow('self-signed certificate')
  await expect(askMysql({ tls: 'verified', ca: name.cert, host: '127.0.0.1' })).rejects.toThrow('by its name')
  const elsewhere = await startWith('other')
  try {
    await expect(askMysql({ tls: 'verified', ca: other.cert }, elsewhere)).rejects.toThrow(
      "does not match certificate's altnames",
    )
  } finally {
    await elsewhere.close()
  }
})
