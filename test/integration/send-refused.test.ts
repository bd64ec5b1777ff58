import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { expect, it } from 'vitest'
import { startCli } from './cli-process.ts'

/** `postflight send` of one line to a receiver that answers so. */
async function sendTo(status: number, body: string) {
  const server = createServer((_, response) => response.writeHead(status).end(body)).listen(0, '127.0.0.1')
  await new Promise((ready) => server.once('listening', ready))
  const { port } = server.address() as AddressInfo
  const { child, ended } = startCli(tmpdir(), ['send', 'shop@1', '--otlp', `http://127.0.0.1:${port}`])
  child.stdin.end('{"msg":"x"}\n')
  try {
    return await ended
  } finally {
    server.close()
  }
}

it.each([
  [401, 6],
  [403, 4],
])(
  'lines that are refused for their key (%i) end with %i, in words and with what helps',
  async (status, code) => {
    const refused = await sendTo(status, '{"code":7,"message":"This key does not have the scope ingest"}')
    expect(refused).toMatchObject({ code, out: '' })
    expect(refused.err).toContain(
      `Postflight refuses the lines (${status}): This key does not have the scope`,
    )
    expect(refused.err).toContain('--scopes ingest')
  },
)

it('tells an answer that is none of Postflight as it is', async () => {
  expect(await sendTo(404, 'no such page')).toMatchObject({
    code: 64,
    err: expect.stringContaining('no such page'),
  })
})
