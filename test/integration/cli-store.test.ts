import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../peers/free-port.ts'
import { startCli, startUp } from './cli-process.ts'

let cwd: string
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), 'postflight-cli-store-'))
})
afterAll(() => rmSync(cwd, { recursive: true, force: true }))

const run = (...args: string[]) => startCli(cwd, args).ended

test('migrate says what it did, and the second time that nothing was left to do', async () => {
  const flags = ['--dataDir', 'migrated', '--clickhouse.port', '0']
  const first = await run('migrate', '--json', ...flags)
  expect(first.code).toBe(0)
  expect((JSON.parse(first.out) as { applied: string[] }).applied).toContain('0001-otel-logs.sql')
  const second = await run('migrate', ...flags)
  expect(second).toMatchObject({ code: 0, out: 'Already up to date.\n' })
})

test('doctor is content with a new folder, and names the port that another program has', async () => {
  const flags = ['--dataDir', 'examined', '--clickhouse.port', '0']
  const ports = [
    '--api.port',
    String(await freePort()),
    '--otlp.port',
    String(await freePort()),
    '--otlp.grpcPort',
    '0',
  ]
  const well = await run('doctor', '--json', ...flags, ...ports)
  expect(well.code).toBe(0)
  expect(JSON.parse(well.out)).toContainEqual(expect.objectContaining({ check: 'store', level: 'ok' }))

  const other = createServer().listen(0, '127.0.0.1')
  await new Promise((listening) => other.once('listening', listening))
  const { port } = other.address() as { port: number }
  try {
    const ill = await run('doctor', ...flags, ...ports.slice(0, 2), '--otlp.port', String(port))
    expect(ill.code).toBe(4)
    expect(ill.out).toMatch(new RegExp(`problem +port ${port} \\(otlp\\): taken by another program`))
    expect(ill.out).toContain('--otlp.port')
  } finally {
    other.close()
  }
})

describe('keys', () => {
  const logs = (otlp: string, key?: string) =>
    fetch(`${otlp}/v1/logs`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      },
      body: '{"resourceLogs":[]}',
    })

  test('a key is made, shown once, opens its door only, and opens nothing once revoked', async () => {
    const flags = ['--dataDir', 'keyed', '--clickhouse.port', '0']
    const made = await run('keys', 'create', '--name', 'pipeline', '--scopes', 'ingest', '--json', ...flags)
    expect(made.code).toBe(0)
    const { id, key } = JSON.parse(made.out) as { id: string; key: string }

    const up = await startUp(cwd, [
      ...flags,
      ...['--otlp.port', '0', '--otlp.grpcPort', '0', '--api.port', '0', '--auth.required', 'true'],
    ])
    try {
      expect((await logs(up.otlp)).status).toBe(401)
      expect((await logs(up.otlp, `${key}x`)).status).toBe(401)
      expect((await logs(up.otlp, key)).status).toBe(200)
      const read = await fetch(`${up.api}/api/v1/services`, { headers: { authorization: `Bearer ${key}` } })
      expect(read.status).toBe(403)

      // Whatever port the running store has, other commands find it.
      const examined = await run('doctor', '--json', ...flags, '--api.port', new URL(up.api).port)
      expect(JSON.parse(examined.out)).toContainEqual(
        expect.objectContaining({ check: 'store', level: 'ok' }),
      )
      const listed = await run('keys', 'list', ...flags)
      expect(listed.out).toContain(id)
      expect(listed.out).not.toContain(key)

      expect(await run('keys', 'revoke', id, ...flags)).toMatchObject({ code: 0 })
      expect((await logs(up.otlp, key)).status).toBe(401)
    } finally {
      expect((await up.stop()).code).toBe(0)
    }
  })

  test('a scope that does not exist is refused by name', async () => {
    const refused = await run('keys', 'create', '--name', 'x', '--scopes', 'everything')
    expect(refused.code).not.toBe(0)
    expect(refused.err).toContain('ingest')
  })
})

test('send stores what a program writes as it comes, and says which lines are none', async () => {
  const up = await startUp(cwd, ['--dataDir', 'sent'])
  try {
    const args = ['send', 'checkout@2.7.0', '--environment', 'prod', '--otlp', up.otlp, '--json']
    const { child, ended } = startCli(cwd, args)
    child.stdin.write('{"level":"error","msg":"payment failed"}\n')
    child.stdin.write('plain text\n')
    // The first lines are there while the program still runs.
    const releases = async () =>
      await (await fetch(`${up.api}/api/v1/services`, { headers: { accept: 'application/json' } })).text()
    const deadline = Date.now() + 30_000
    while (!(await releases()).includes('checkout')) {
      if (Date.now() > deadline) throw new Error('the first line never came')
      await new Promise((next) => setTimeout(next, 100))
    }
    child.stdin.end('{"level":30,"msg":"paid"}\n')
    const sent = await ended
    expect(JSON.parse(sent.out)).toEqual({ accepted: 2, rejected: 1 })
    expect(sent.err).toContain('line 2')
    expect(sent.code).toBe(4)
    const missing = await run('send', 'checkout@2.7.0', 'no-such-file.jsonl', '--otlp', up.otlp)
    expect(missing).toMatchObject({ code: 64, err: expect.stringContaining('no-such-file.jsonl') })
  } finally {
    await up.stop()
  }
})
