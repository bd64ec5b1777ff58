import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Started, startCli, startUp } from './cli-process.ts'

let cwd: string
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), 'postflight-cli-'))
})
afterAll(() => rmSync(cwd, { recursive: true, force: true }))

const run = (...args: string[]) => startCli(cwd, args).ended

describe('config', () => {
  test('prints every value with where it comes from, and hides secrets', async () => {
    writeFileSync(join(cwd, 'settings.yaml'), 'clickhouse: { password: s3cret }\napi: { port: 9001 }\n')
    const { code, out } = await run('config', '--config', 'settings.yaml', '--otlp.port', '9002', '--json')
    expect(code).toBe(0)
    expect(out).not.toContain('s3cret')
    const rows = JSON.parse(out) as { setting: string }[]
    const of = (setting: string) => rows.find((row) => row.setting === setting)
    expect(of('api.port')).toMatchObject({ value: 9001, from: 'file', where: 'settings.yaml' })
    expect(of('otlp.port')).toMatchObject({ value: 9002, from: 'flag', where: '--otlp.port' })
    expect(of('clickhouse.password')).toMatchObject({ value: '(hidden)', from: 'file' })
    expect(of('dataDir')).toMatchObject({ value: '.postflight', from: 'default' })
  })

  test('a bad value ends with 64 and says where it stands', async () => {
    const { code, err } = await run('config', '--api.port', 'many')
    expect(code).toBe(64)
    expect(err).toMatch(/api\.port \(from --api\.port\)/)
  })
})

test('an unknown command or option ends with 64', async () => {
  const unknown = await run('reprot', 'checkout@2.7.0')
  expect(unknown).toMatchObject({ code: 64, out: '' })
  expect(unknown.err).toContain('There is no command "reprot".\nDid you mean report?')
  expect((await run('config', '--nonsense')).code).toBe(64)
  expect((await run('report')).code).toBe(64)
  expect((await run('report', 'no-version')).code).toBe(64)
})

test('a mistyped command or setting is told with the nearest that there is', async () => {
  expect((await run('ls')).err).not.toContain('Did you mean')
  const { out, err } = await run('config', '--api.prot', '9000', '--json')
  expect(err).toContain('Did you mean --api.port?')
  expect((JSON.parse(out) as { error: object }).error).toMatchObject({
    message: "unknown option '--api.prot'",
    hint: 'Did you mean --api.port?',
  })
})

test('no Postflight at the address ends with 6 and says what to do', async () => {
  const { code, err } = await run('report', 'checkout@2.7.0', '--address', 'http://127.0.0.1:9')
  expect(code).toBe(6)
  expect(err).toContain('npm start')
})

test('wrong usage is JSON too where JSON is asked for', async () => {
  const { code, out, err } = await run('report', '--json')
  expect(code).toBe(64)
  expect(JSON.parse(out)).toMatchObject({ error: { code: 'INVALID_REQUEST' } })
  expect(err).toContain('missing required argument')
})

test.each([
  [['report', 'checkout@2.7.0', '--address', 'postflight.internal'], 'postflight.internal'],
  [['demo', '--days', '5'], '--days'],
  [['demo', '--seed', 'lucky'], '--seed'],
  [['demo', '--exit-after', 'lunch'], '--exit-after'],
])('%s ends with 64 and says what is wrong', async (args, named) => {
  const { code, err } = await run(...args)
  expect(code).toBe(64)
  expect(err).toContain(named)
  expect(err).not.toMatch(/^\s+at /m)
})

describe('a running Postflight', () => {
  const flags = ['--dataDir', 'data']
  let up: Started
  let api: string
  beforeAll(async () => {
    up = await startUp(cwd, flags)
    api = up.api
  })
  afterAll(async () => {
    expect((await up.stop()).code).toBe(0)
  })

  test('a deployment told by deploy is listed, and its report has no data yet', async () => {
    const told = await run(
      'deploy',
      '@shop/checkout@2.7.0',
      '--environment',
      'live',
      '--json',
      '--address',
      api,
    )
    expect(JSON.parse(told.out)).toMatchObject({
      service: '@shop/checkout',
      version: '2.7.0',
      environment: 'live',
    })
    const listed = await run('releases', '--address', api)
    expect(listed.out).toContain('@shop/checkout@2.7.0')
    expect(listed.out).toMatch(/first version|no report yet/)
    for (const line of listed.out.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
    const report = await run('report', '@shop/checkout@2.7.0', '--address', api)
    expect(report.code).toBe(3)
  })

  test('an unknown release ends with 3', async () => {
    const { code, err } = await run('report', 'checkout@9.9.9', '--address', api)
    expect(code).toBe(3)
    expect(err).toContain('9.9.9')
  })

  test('to list the deployments of an unknown service ends with 3', async () => {
    const { code, err } = await run('releases', 'nobody', '--address', api)
    expect(code).toBe(3)
    expect(err).toContain('no service nobody')
  })

  test('a bad limit is told with what was expected and what was got', async () => {
    const { code, err } = await run('releases', '--limit', '0', '--address', api)
    expect(code).toBe(64)
    expect(err).toContain('query.limit: expected number to be >=1, got "0"')
  })

  test('trends of a young service say that there is too little', async () => {
    const { code, out } = await run('trends', '@shop/checkout', '--address', api)
    expect(code).toBe(0)
    expect(out).toContain('Too little telemetry yet')
  })

  test('its own metrics are served, those of rooms included', async () => {
    const text = await (await fetch(`${api}/metrics`)).text()
    expect(text).toContain('postflight_api_request_duration')
  })
})
