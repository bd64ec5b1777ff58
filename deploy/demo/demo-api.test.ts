import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it } from 'vitest'
import { demoApi } from './demo-api.ts'

it('asks again while the store does not answer, and no longer', async () => {
  const answers = [503, 503, 200, 500]
  let asked = 0
  const server = createServer((_, response) => {
    response.statusCode = answers[asked++] ?? 500
    response.end('{"items":[{"deploymentId":"1"}]}')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const api = demoApi(url, undefined, new AbortController().signal)
  try {
    expect(await api.deployments('production')).toEqual([{ deploymentId: '1' }])
    await expect(api.deployments('production')).rejects.toThrow('500')
    expect(asked).toBe(4)
  } finally {
    server.close()
  }
})
