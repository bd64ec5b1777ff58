import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { loadConfig } from './config-load.ts'
import { settings } from './config-settings.ts'

let cwd: string

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'postflight-config-'))
})
afterEach(() => rmSync(cwd, { recursive: true, force: true }))

const file = (text: string) => writeFileSync(join(cwd, 'postflight.yaml'), text)

function problemsOf(load: () => unknown): string {
  try {
    load()
  } catch (error) {
    expect(error).toMatchObject({ name: 'PostflightError', code: 'CONFIG_INVALID' })
    return (error as Error).message
  }
  throw new Error('The settings were accepted')
}

describe('precedence', () => {
  test('default, file, environment, flag: the later one wins, and says where it stands', () => {
    const at = (sources: object) => {
      const { config, origins } = loadConfig({ env: {}, cwd, ...sources })
      return { port: config.api.port, ...origins.get('api.port') }
    }
    expect(at({})).toEqual({ port: 8080, from: 'default', where: '' })
    file('api: { port: 8081 }')
    expect(at({})).toEqual({ port: 8081, from: 'file', where: 'postflight.yaml' })
    const env = { POSTFLIGHT_API_PORT: '8082' }
    expect(at({ env })).toEqual({ port: 8082, from: 'environment', where: 'POSTFLIGHT_API_PORT' })
    const flags = { 'api.port': '8083' }
    expect(at({ env, flags })).toEqual({ port: 8083, from: 'flag', where: '--api.port' })
  })

  test('a setting of one source leaves its neighbours to the others', () => {
    file('analysis: { watchMinutes: 30, beforeMinutes: 60 }')
    const { config } = loadConfig({ env: { POSTFLIGHT_ANALYSIS_WATCH_MINUTES: '10' }, cwd })
    expect(config.analysis).toMatchObject({ watchMinutes: 10, beforeMinutes: 60, warmUpMinutes: 5 })
  })

  test('every setting has its own variable and an origin', () => {
    const names = settings().map(({ variable }) => variable)
    expect(new Set(names).size).toBe(names.length)
    expect(names).toContain('POSTFLIGHT_SELF_OBSERVATION_ALLOW_SELF')
    expect([...loadConfig({ env: {}, cwd }).origins.keys()]).toEqual(settings().map(({ path }) => path))
  })

  test('lists and maps may come from the environment as JSON or YAML', () => {
    const env = {
      POSTFLIGHT_ALERTS_ALERTMANAGERS: '["http://127.0.0.1:9093"]',
      POSTFLIGHT_ANALYSIS_ENVIRONMENTS: 'live: { watchMinutes: 5 }',
      POSTFLIGHT_AUTH_REQUIRED: 'true',
    }
    const { config } = loadConfig({ env, cwd })
    expect(config.alerts.alertmanagers).toMatchObject([{ url: 'http://127.0.0.1:9093' }])
    expect(config.analysis.environments).toEqual({ live: { watchMinutes: 5 } })
    expect(config.auth.required).toBe(true)
  })

  test('a list of words may be written with commas, as other programs take it', () => {
    const load = (flags: Record<string, string>, env = {}) => loadConfig({ env, cwd, flags }).config
    const brokers = (text: string) => load({ 'kafka.brokers': text }).kafka.brokers
    expect(brokers('kafka-1:9092')).toEqual(['kafka-1:9092'])
    expect(brokers('kafka-1:9092, kafka-2:9092')).toEqual(['kafka-1:9092', 'kafka-2:9092'])
    expect(brokers('[kafka-1:9092]')).toEqual(['kafka-1:9092'])
    expect(load({}, { POSTFLIGHT_MONITOR_STEPS: '5,60' }).monitor.steps).toEqual([5, 60])
    expect(() => brokers('kafka')).toThrow('kafka.brokers.0 (from --kafka.brokers): expected host:port')
  })

  test('an empty variable and an empty key are as good as none', () => {
    file('api:\n  port:\n')
    const { config } = loadConfig({ env: { POSTFLIGHT_OTLP_PORT: '' }, cwd })
    expect([config.api.port, config.otlp.port]).toEqual([8080, 4318])
  })
})

test('files that a configuration file names are beside it; those of variables and flags are where one is', () => {
  file(`alerts:
  slack: [{ name: a, urlFile: slack.secret }]
  email: [{ name: b, host: mail, from: a@x.example, to: [b@x.example], ca: /etc/ca.pem }]
notices: { github: { secretFile: sub/github.secret } }
otlp: { tls: { cert: door.pem } }
`)
  const elsewhere = mkdtempSync(join(tmpdir(), 'postflight-config-'))
  const { alerts, notices, otlp } = loadConfig({
    file: join(cwd, 'postflight.yaml'),
    env: { POSTFLIGHT_OTLP_TLS_KEY: 'door.key' },
    flags: { 'alerts.webhooks': '[{ name: c, url: "https://x.example", secretFile: hook.secret }]' },
    cwd: elsewhere,
  }).config
  rmSync(elsewhere, { recursive: true })
  expect(alerts.slack[0]?.urlFile).toBe(join(cwd, 'slack.secret'))
  expect(alerts.email[0]).toMatchObject({ ca: '/etc/ca.pem', passwordFile: '' })
  expect(notices.github.secretFile).toBe(join(cwd, 'sub/github.secret'))
  expect(otlp.tls).toMatchObject({ cert: join(cwd, 'door.pem'), key: 'door.key' })
  expect(alerts.webhooks[0]?.secretFile).toBe('hook.secret')
})

describe('what is refused, and in which words', () => {
  test.each([
    [
      'a value out of range',
      'api: { port: 99999 }',
      /api\.port \(from postflight\.yaml\): .*65535.*, got 99999/,
    ],
    ['a wrong type', 'api: { port: abc }', /api\.port \(from postflight\.yaml\): .*number, got "abc"/],
    [
      'an unknown key',
      'api: { prot: 1 }',
      /api\.prot \(from postflight\.yaml\): no such setting; did you mean api\.port\?/,
    ],
    ['an unknown top-level key', 'nonsense: 1', /nonsense \(from postflight\.yaml\): no such setting$/m],
    [
      'a mistyped group',
      'analisys: { watchMinutes: 3 }',
      /analisys \(from postflight\.yaml\): no such setting; did you mean analysis\?/,
    ],
    [
      'a mistyped key within a list',
      'alerts: { webhooks: [{ name: a, url: "https://x.example", secert: b }] }',
      /alerts\.webhooks\.0\.secert \(from postflight\.yaml\): no such setting; did you mean alerts\.webhooks\.0\.secret\?/,
    ],
    [
      'a mistyped key within a map',
      'monitor: { services: { checkout: { criticalty: low } } }',
      /checkout\.criticalty \(from .*\): no such setting; did you mean monitor\.services\.checkout\.criticality\?/,
    ],
    [
      'a mechanism without a name',
      'kafka: { sasl: { mechanism: scram-sha-512 } }',
      /kafka\.sasl\.username \(from .*\): expected a name for scram-sha-512/,
    ],
    ['broken YAML', 'api: {', /postflight\.yaml: is not YAML/],
    ['a list instead of settings', '- a', /expected settings/],
    [
      'a bad address',
      'clickhouse: { url: "ftp://x" }',
      /clickhouse\.url \(from postflight\.yaml\): .*, got "ftp:\/\/x"/,
    ],
    [
      'a broken signal',
      'signals: [{ id: A, title: t, metric: m, type: gauge }]',
      /signals\.0\.id .*lower-case words/,
    ],
  ])('%s', (_, text, expected) => {
    file(text)
    expect(problemsOf(() => loadConfig({ env: {}, cwd }))).toMatch(expected)
  })

  test('an unknown variable, with the likely one', () => {
    const problems = problemsOf(() => loadConfig({ env: { POSTFLIGHT_API_PROT: '1' }, cwd }))
    expect(problems).toContain(
      'environment variable POSTFLIGHT_API_PROT: no such setting; did you mean POSTFLIGHT_API_PORT?',
    )
  })

  test('all problems at once, each with its place', () => {
    file('api: { port: -1 }')
    const problems = problemsOf(() =>
      loadConfig({ env: { POSTFLIGHT_LOG_LEVEL: 'loud' }, flags: { 'otlp.port': 'x' }, cwd }),
    )
    expect(problems).toMatch(/api\.port \(from postflight\.yaml\)/)
    expect(problems).toMatch(/logLevel \(from environment variable POSTFLIGHT_LOG_LEVEL\): .*"loud"/)
    expect(problems).toMatch(/otlp\.port \(from --otlp\.port\): .*"x"/)
  })

  test('a named file that is not there', () => {
    expect(problemsOf(() => loadConfig({ file: 'other.yaml', env: {}, cwd }))).toMatch(
      /other\.yaml: cannot be read/,
    )
  })

  test('secrets are not repeated', () => {
    file('alerts: { webhooks: [{ name: "", url: "https://example.org", secret: s3cret }] }')
    expect(problemsOf(() => loadConfig({ env: {}, cwd }))).not.toContain('s3cret')
  })

  test('what Kubernetes puts beside a Service called postflight is no setting', () => {
    const env = { POSTFLIGHT_SERVICE_HOST: '10.0.0.1', POSTFLIGHT_PORT_8080_TCP: 'tcp://10.0.0.1:8080' }
    expect(loadConfig({ env, cwd }).config.api.port).toBe(8080)
  })
})
