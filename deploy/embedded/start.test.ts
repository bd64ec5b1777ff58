import { execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { appendFile, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { createClient } from '@clickhouse/client'
import { afterEach, expect, test } from 'vitest'
import { type EmbeddedOptions, type EmbeddedStore, startEmbedded } from './start.ts'

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }
const cleanups: Array<() => Promise<unknown> | unknown> = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function directory(): Promise<string> {
  const dataDir = await mkdtemp(join(tmpdir(), 'postflight-embedded-'))
  cleanups.push(() => rm(dataDir, { recursive: true, force: true }))
  return dataDir
}

async function start(dataDir: string, more: Partial<EmbeddedOptions> = {}): Promise<EmbeddedStore> {
  const store = await startEmbedded({ dataDir, port: 0, logger: silent, ...more })
  cleanups.push(() => store.stop())
  return store
}

function connect(store: EmbeddedStore) {
  const client = createClient({ url: store.url, log: { level: 127 }, request_timeout: 60_000 })
  cleanups.push(() => client.close())
  return client
}

/** Peak resident memory of a process since `reset`, in MB. */
function peakMb(pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
}

test('starts, and keeps data over a proper stop', async () => {
  const dataDir = await directory()
  const first = await start(dataDir)
  const client = connect(first)
  await client.command({ query: 'CREATE TABLE kept (a UInt8) ENGINE = MergeTree ORDER BY a' })
  await client.insert({ table: 'kept', values: [{ a: 1 }], format: 'JSONEachRow' })
  await first.stop()
  expect(await first.exited).toMatchObject({ expected: true, code: 0 })
  const again = connect(await start(dataDir))
  expect(await (await again.query({ query: 'SELECT a FROM kept', format: 'JSONEachRow' })).json()).toEqual([
    { a: 1 },
  ])
})

test('a second start on the same data fails with the owner’s pid, and works once the owner was killed', async () => {
  const dataDir = await directory()
  const owner = await start(dataDir)
  await expect(startEmbedded({ dataDir, port: 0, logger: silent })).rejects.toMatchObject({
    code: 'STORE_LOCKED',
    message: expect.stringContaining(String(owner.pid)),
    details: { url: owner.url },
  })
  // The one that failed has disturbed nothing.
  expect(await connect(owner).ping()).toEqual({ success: true })
  process.kill(owner.pid, 'SIGKILL')
  expect(await owner.exited).toMatchObject({ expected: false, signal: 'SIGKILL' })
  expect(await connect(await start(dataDir)).ping()).toEqual({ success: true })
})

test('a busy port and a directory that cannot be used have their own errors', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  cleanups.push(() => other.close())
  const address = other.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  await expect(startEmbedded({ dataDir: await directory(), port, logger: silent })).rejects.toMatchObject({
    code: 'PORT_IN_USE',
  })
  const dataDir = await directory()
  await writeFile(join(dataDir, 'engine'), 'not a directory')
  await expect(startEmbedded({ dataDir, port: 0, logger: silent })).rejects.toMatchObject({
    code: 'STORE_FAILED',
  })
  await expect(
    startEmbedded({ dataDir: join(dataDir, 'engine'), port: 0, logger: silent }),
  ).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
})

test('stops in the middle of long queries', async () => {
  const store = await start(await directory())
  const client = connect(store)
  const long = Array.from({ length: 3 }, () =>
    client
      .query({ query: 'SELECT sum(cityHash64(number)) FROM numbers(1000000000000)' })
      .catch(() => 'ended'),
  )
  await new Promise((resolve) => setTimeout(resolve, 300))
  const began = performance.now()
  await store.stop()
  expect(performance.now() - began).toBeLessThan(5000)
  expect(await store.exited).toMatchObject({ expected: true, code: 0, signal: null })
  expect(await Promise.all(long)).toEqual(['ended', 'ended', 'ended'])
})

test('ends by itself when its parent is killed', async () => {
  const dataDir = await directory()
  const parent = fork(fileURLToPath(new URL('./fixtures/parent.ts', import.meta.url)), [dataDir], {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const [child] = (await once(parent, 'message')) as [{ pid: number }]
  expect(() => process.kill(child.pid, 0)).not.toThrow()
  parent.kill('SIGKILL')
  for (let i = 0; i < 100 && existsSync(`/proc/${child.pid}`); i++) {
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  expect(() => process.kill(child.pid, 0)).toThrow()
})

test('an insert that a kill cut off between its line in the log and its part is stored when it is repeated, once', async () => {
  const dataDir = await directory()
  const first = await start(dataDir)
  const insert = async (store: EmbeddedStore, token: string) => {
    await connect(store).insert({
      table: 'once',
      values: [{ token }],
      format: 'JSONEachRow',
      clickhouse_settings: { insert_deduplication_token: token },
    })
  }
  await connect(first).command({
    query:
      'CREATE TABLE once (token String) ENGINE = MergeTree ORDER BY token SETTINGS non_replicated_deduplication_window = 100',
  })
  for (const token of ['a', 'b']) await insert(first, token)
  await first.stop()
  const store = join(dataDir, 'engine', 'store')
  const log = readdirSync(store, { recursive: true, encoding: 'utf8' }).find((name) =>
    name.endsWith('deduplication_log_1.txt'),
  ) as string
  const table = join(store, dirname(dirname(log)))
  await rename(join(table, 'all_2_2_0'), join(table, 'tmp_insert_all_2_2_0'))
  await appendFile(join(store, log), '1\tall_3')
  // The second round reads what was logged in the first one.
  for (let round = 0; round < 2; round++) {
    const again = await start(dataDir)
    for (const token of ['a', 'b', 'c']) await insert(again, token)
    const rows = await connect(again).query({
      query: 'SELECT token FROM once ORDER BY token',
      format: 'JSONEachRow',
    })
    expect(await rows.json()).toEqual([{ token: 'a' }, { token: 'b' }, { token: 'c' }])
    await again.stop()
  }
})

test('killed under load, again and again, it has every acknowledged insert, whole', {
  timeout: 60_000,
}, async () => {
  const dataDir = await directory()
  const acknowledged = new Set<number>()
  const sent = new Set<number>()
  let batch = 0
  const perBatch = 500
  for (let round = 0; round < 4; round++) {
    const store = await start(dataDir)
    const client = connect(store)
    await client.command({
      query:
        'CREATE TABLE IF NOT EXISTS acks (batch UInt32, i UInt32, text String) ENGINE = MergeTree ORDER BY (batch, i)',
    })
    let dead = false
    const senders = Array.from({ length: 4 }, async () => {
      while (!dead) {
        const mine = ++batch
        sent.add(mine)
        const values = Array.from({ length: perBatch }, (_, i) => ({ batch: mine, i, text: `row ${i}` }))
        try {
          await client.insert({ table: 'acks', values, format: 'JSONEachRow' })
          acknowledged.add(mine)
        } catch {
          return
        }
      }
    })
    await new Promise((resolve) => setTimeout(resolve, 400 + round * 150))
    process.kill(store.pid, 'SIGKILL')
    dead = true
    await Promise.all(senders)
    await store.exited
  }
  const client = connect(await start(dataDir))
  const result = await client.query({
    query: 'SELECT batch, count() AS n FROM acks GROUP BY batch',
    format: 'JSONEachRow',
  })
  const found = new Map(
    (await result.json<{ batch: number; n: string }>()).map((row) => [row.batch, Number(row.n)]),
  )
  expect(acknowledged.size).toBeGreaterThan(40)
  expect([...acknowledged].filter((mine) => found.get(mine) !== perBatch)).toEqual([])
  // What was not acknowledged is there whole or not at all.
  expect([...found].filter(([mine, n]) => !sent.has(mine) || n !== perBatch)).toEqual([])
  expect(readdirSync(join(dataDir, 'spool')).filter((name) => name.startsWith('insert-'))).toEqual([])
})

test('memory stays bounded, whatever the size of a result or an insert', { timeout: 60_000 }, async () => {
  const store = await start(await directory())
  const client = connect(store)
  const size = async (sql: string) => {
    const answer = await fetch(`${store.url}/?${new URLSearchParams({ query: sql })}`)
    let bytes = 0
    for await (const chunk of answer.body ?? []) bytes += chunk.length
    return bytes
  }
  // 20 million rows, 2 GB.
  expect(await size("SELECT number, repeat('x', 90) FROM numbers(20000000) FORMAT TSV")).toBe(1_988_888_890)
  expect(peakMb(store.pid)).toBeLessThan(900)

  await client.command({ query: 'CREATE TABLE big (a UInt64, b String) ENGINE = MergeTree ORDER BY a' })
  // 20 million rows, 500 MB, from one block of RowBinary over and over.
  const rows = 100_000
  const block = Buffer.alloc(rows * 25)
  for (let i = 0; i < rows; i++) {
    block.writeBigUInt64LE(BigInt(i), i * 25)
    block[i * 25 + 8] = 16
    block.write('0123456789abcdef', i * 25 + 9)
  }
  await client.exec({
    query: 'INSERT INTO big FORMAT RowBinary',
    values: Readable.from(
      (function* () {
        for (let i = 0; i < 200; i++) yield block
      })(),
      { objectMode: false },
    ),
  })
  const count = await client.query({
    query: 'SELECT count() AS n, uniqExact(a) AS u FROM big',
    format: 'JSONEachRow',
  })
  expect((await count.json<{ n: string; u: string }>()).map((row) => [Number(row.n), Number(row.u)])).toEqual(
    [[20_000_000, rows]],
  )
  expect(peakMb(store.pid)).toBeLessThan(1200)
})

const isRoot = process.getuid?.() === 0

test.skipIf(!isRoot)(
  'a full disk is a clear error, and loses nothing that was acknowledged',
  async (context) => {
    const dataDir = await directory()
    const mount = join(dataDir, 'small')
    await mkdir(mount)
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=40m', 'tmpfs', mount], { stdio: 'ignore' })
    } catch {
      context.skip('This machine does not let root mount a file system')
    }
    cleanups.push(() => execFileSync('umount', ['-l', mount]))
    const store = await start(mount)
    const client = connect(store)
    await client.command({
      query: 'CREATE TABLE full (i UInt64, text String CODEC(NONE)) ENGINE = MergeTree ORDER BY i',
    })
    let acknowledged = 0
    let failure: unknown
    for (let i = 0; i < 40 && failure === undefined; i++) {
      const values = Array.from({ length: 2000 }, (_, k) => ({ i: i * 2000 + k, text: 'x'.repeat(1000) }))
      try {
        await client.insert({ table: 'full', values, format: 'JSONEachRow' })
        acknowledged += values.length
      } catch (error) {
        failure = error
      }
    }
    expect(acknowledged).toBeGreaterThan(0)
    expect(failure).toMatchObject({ code: '243', message: expect.stringMatching(/disk|space/i) })
    const count = await client.query({ query: 'SELECT count() AS n FROM full', format: 'JSONEachRow' })
    expect(Number((await count.json<{ n: string }>())[0]?.n)).toBe(acknowledged)
    await client.close()
  },
)
