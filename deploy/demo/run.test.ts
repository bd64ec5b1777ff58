import { once } from 'node:events'
import { createServer } from 'node:http'
import { PassThrough } from 'node:stream'
import { expect, it } from 'vitest'
import { runDemo } from './run.ts'

it('refuses a second history beside the first, before it sends anything', async () => {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url?.split('?')[0]}`)
    response.setHeader('content-type', 'application/json')
    response.end(
      JSON.stringify({ items: [{ deploymentId: '1', service: 'checkout', version: '1.9.0' }], next: null }),
    )
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const url = `http://127.0.0.1:${port}`
  try {
    const demo = runDemo({
      apiUrl: url,
      otlpUrl: url,
      out: new PassThrough() as never,
      clock: Date.now,
      reportText: () => '',
      alerts: { url, listen: () => {}, close: async () => {} } as never,
      signal: new AbortController().signal,
    })
    await expect(demo).rejects.toMatchObject({
      code: 'ALREADY_EXISTS',
      hint: expect.stringContaining('dataDir'),
    })
    expect(new Set(asked)).toEqual(new Set(['GET /api/v1/deployments']))
  } finally {
    server.close()
  }
})
