import { describe, expect, it } from 'vitest'
import { receiverNames, SECRET_ALERTS } from './alerts.ts'
import { loadConfig } from './config-load.ts'
import { settings } from './config-settings.ts'

const load = (alerts: Record<string, unknown>, env: Record<string, string> = {}) =>
  loadConfig({
    env,
    cwd: '/nowhere',
    flags: Object.fromEntries(
      Object.entries(alerts).map(([name, value]) => [`alerts.${name}`, JSON.stringify(value)]),
    ),
  }).config.alerts
const slack = [{ name: 'team', url: 'http://x.test/1' }]

describe('settings of alerts', () => {
  it('take secrets from variables and files, and are never printed', () => {
    const { pagerduty, slack: chats } = load(
      {
        pagerduty: [{ name: 'ops', routingKeyVariable: 'KEY' }],
        slack: [{ name: 'x', urlFile: 'slack.secret' }],
      },
      { KEY: 'hush' },
    )
    expect(pagerduty[0]?.routingKey).toBe('hush')
    expect(chats[0]?.urlFile).toBe('slack.secret')
    const printed = settings().filter(({ path, secret }) => path.startsWith('alerts.') && secret)
    expect(printed.map(({ path }) => path)).toEqual(SECRET_ALERTS.map((name) => `alerts.${name}`))
  })

  it('take an Alertmanager as an address, and name receivers by their kind', () => {
    expect(receiverNames(load({ alertmanagers: ['http://am:9093/'], slack }))).toEqual([
      'alertmanager:am:9093',
      'slack:team',
    ])
  })

  it.each([
    [{ slack: [...slack, ...slack] }, 'two receivers are called slack:team'],
    [{ slack, routes: [{ receivers: ['slack:taem'] }] }, 'there are slack:team), not slack:taem'],
    [{ slack: [{ name: 'team' }] }, 'expected an address (http or https), or urlFile, or urlVariable'],
    [{ slack: [{ name: 'team', urlVariable: 'URL' }] }, 'the variable URL is not set'],
    [{ alertmanagers: ['http://me:hush@am'] }, 'no name and password in an address'],
    [{ quietHours: [{ from: '22:00', to: '7:00' }] }, 'expected hh:mm'],
    [{ quietHours: [{ from: '22:00', to: '07:00', timeZone: 'Berlin' }] }, 'expected an IANA time zone'],
    [{ openTelemetry: [{ name: 'x' }] }, 'expected an OTLP/HTTP address'],
    [{ pagerduty: [{ name: 'x' }] }, 'expected an integration key'],
  ])('refuse %j', (alerts, message) => {
    expect(() => load(alerts)).toThrow(message)
  })

  it('repeat no secret in what they refuse', () => {
    expect(() => load({ slack: [{ name: 'a b', url: 'http://x.test/hush' }] })).toThrow(/^(?!.*hush)/s)
  })
})
