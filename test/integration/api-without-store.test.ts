import { pino } from 'pino'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type RunningApi, startApi } from '../../api/server.ts'
import { configSchema } from '../../schemas/config.ts'
import type { Problem } from '../../schemas/contracts/problem.ts'
import { buildCatalogue } from '../../schemas/signals/catalogue.ts'
import { openStore, type Store } from '../../schemas/store/client.ts'

// Port 9 (discard) refuses: nothing of ours ever listens there.
const DEAD = 'http://127.0.0.1:9'

let store: Store
let api: RunningApi
beforeAll(async () => {
  store = openStore({ url: DEAD })
  api = await startApi({
    store,
    catalogue: buildCatalogue(),
    config: configSchema.parse({ api: { port: 0 } }),
    clock: Date.now,
    logger: pino({ level: 'silent' }),
  })
})
afterAll(async () => {
  await api.close()
  await store.close()
})

it('is healthy but not ready', async () => {
  expect((await fetch(`${api.url}/healthz`)).status).toBe(200)
  expect((await fetch(`${api.url}/readyz`)).status).toBe(503)
})

it.each(['/api/v1/services', '/api/v1/deployments', '/api/v1/alerts'])('%s says what to do', async (path) => {
  const answer = await fetch(`${api.url}${path}`)
  expect(answer.status).toBe(503)
  expect(answer.headers.get('retry-after')).toBe('5')
  const problem = (await answer.json()) as Problem
  expect(problem).toMatchObject({ code: 'STORE_UNREACHABLE', retryable: true })
  expect(problem.hint).toContain('clickhouse.url')
})

it('tells people by a page', async () => {
  const answer = await fetch(`${api.url}/`, { headers: { accept: 'text/html' } })
  expect(answer.status).toBe(503)
  expect(await answer.text()).toContain('What to do:')
})
