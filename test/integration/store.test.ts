import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { type EmbeddedStore, startEmbedded } from '../../deploy/embedded/start.ts'
import { storeSuite } from './store.suite.ts'

let store: EmbeddedStore | undefined
let dataDir: string | undefined

afterAll(async () => {
  await store?.stop()
  if (dataDir !== undefined) await rm(dataDir, { recursive: true, force: true })
})

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }

storeSuite('embedded store', async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'postflight-store-'))
  store = await startEmbedded({ dataDir, port: 0, password: "pass'word", logger: silent })
  return { url: store.url, user: 'default', password: "pass'word" }
})

// The same promises, kept by a real server: POSTFLIGHT_TEST_CLICKHOUSE_URL=http://user:password@host:8123
const server = process.env['POSTFLIGHT_TEST_CLICKHOUSE_URL']
if (server !== undefined) {
  const url = new URL(server)
  storeSuite('ClickHouse server', async () => ({
    url: url.origin,
    user: decodeURIComponent(url.username) || 'default',
    password: decodeURIComponent(url.password),
  }))
}
