import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type EmbeddedStore, startEmbedded } from '../../deploy/embedded/start.ts'
import { openStore, type Store } from '../../schemas/store/client.ts'

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }
const LEFT = 'of-a-process-that-was-killed.lent'
const KEPT = 'of-the-journal.native'
let dataDir: string
let folder: string
let embedded: EmbeddedStore
let store: Store

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'postflight-insert-file-'))
  folder = join(dataDir, 'inserts')
  mkdirSync(folder)
  for (const name of [LEFT, KEPT]) writeFileSync(join(folder, name), '')
  embedded = await startEmbedded({ dataDir, port: 0, logger: silent })
  store = openStore({ url: embedded.url, insertFolder: folder })
  await store.command('CREATE TABLE texts (text String) ENGINE = MergeTree ORDER BY text')
})

afterAll(async () => {
  await store?.close()
  await embedded?.stop()
  await rm(dataDir, { recursive: true, force: true })
})

/** A Native block of one column with one text. */
function block(text: string): Buffer[] {
  const size = Buffer.alloc(4)
  for (const [i] of size.entries()) size[i] = ((text.length >> (7 * i)) & 0x7f) | (i < 3 ? 0x80 : 0)
  return [Buffer.from('\x01\x01\x04text\x06String', 'latin1'), size, Buffer.from(text)]
}

it('what only the inserts of a killed process needed is away after a start, the journal is not', () => {
  expect(readdirSync(folder)).toEqual([KEPT])
})

it('a large block goes into the embedded store through a file, which is away afterwards', async () => {
  let seen: string[] = []
  const body = block('x'.repeat(20_000_000))
  const inserted = store.insertNative('texts', ['text'], body)
  for (let done = false; !done && seen.length < 2; ) {
    done = await Promise.race([
      inserted.then(() => true),
      new Promise<false>((go) => setImmediate(go, false)),
    ])
    seen = readdirSync(folder)
  }
  await inserted
  expect(seen.filter((name) => name.endsWith('.lent'))).toHaveLength(1)
  expect(await store.query('SELECT length(text) AS length FROM texts')).toEqual([{ length: 20_000_000 }])
  expect(readdirSync(folder)).toEqual([KEPT])
})

it('nothing is left of a large block that the store refuses, nor is a small one written there', async () => {
  await expect(
    store.insertNative('no_such_table', ['text'], block('x'.repeat(3_000_000))),
  ).rejects.toMatchObject({
    code: 'STORE_FAILED',
  })
  await store.insertNative('texts', ['text'], block('small'))
  expect(readdirSync(folder)).toEqual([KEPT])
  expect(existsSync(join(folder, LEFT))).toBe(false)
})

it('a large block is sent where no file can be written, such as on a full disk', async () => {
  const elsewhere = openStore({ url: embedded.url, insertFolder: join(dataDir, 'no-such-folder') })
  try {
    await elsewhere.insertNative('texts', ['text'], block('y'.repeat(3_000_000)))
  } finally {
    await elsewhere.close()
  }
  expect(await store.query('SELECT count() AS n FROM texts WHERE length(text) = 3000000')).toEqual([{ n: 1 }])
})
