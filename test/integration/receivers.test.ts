import { createServer } from 'node:http'
import { Webhook } from 'standardwebhooks'
import { afterEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { alertmanager } from '../../analytics/alerts/receivers/alertmanager.ts'
import { heartbeat } from '../../analytics/alerts/receivers/heartbeat.ts'
import { sendHttp } from '../../analytics/alerts/receivers/http.ts'
import { openTelemetry } from '../../analytics/alerts/receivers/open-telemetry.ts'
import { pagerduty } from '../../analytics/alerts/receivers/pagerduty.ts'
import { slack } from '../../analytics/alerts/receivers/slack.ts'
import { teams } from '../../analytics/alerts/receivers/teams.ts'
import { template } from '../../analytics/alerts/receivers/template.ts'
import { webhook } from '../../analytics/alerts/receivers/webhook.ts'
import { alertsSchema } from '../../schemas/alerts.ts'
import type { Deployment } from '../../schemas/contracts/deployment.ts'
import { type HttpCall, openHttpTarget, receiverSuite, type Target } from './receivers.suite.ts'
import { noticeThat } from './report-alert-fixture.ts'

const NOW = Date.parse('2026-03-01T12:00:00Z')
const SECRET = 'hush-hush-4711'
const json = ({ headers, body }: HttpCall): unknown => {
  expect(headers['content-type']).toBe('application/json')
  return JSON.parse(body)
}
/** One receiver as the settings make it. */
const settings = <K extends keyof ReturnType<typeof alertsSchema.parse>>(kind: K, entry: object) => {
  const list = alertsSchema.parse({ [kind]: [{ name: 'x', ...entry }] })[kind] as readonly unknown[]
  return list[0] as ReturnType<typeof alertsSchema.parse>[K] extends readonly (infer T)[] ? T : never
}
/** Characters, as services count them: in UTF-16 units. */
const text = (most: number) => z.string().min(1).max(most)

// Alertmanager: its OpenAPI description has `labels`, `annotations`, `startsAt`, `endsAt` and `generatorURL`; empty labels are dropped.
const alertmanagerBody = z
  .array(
    z.strictObject({
      labels: z.record(z.string().regex(/^[a-zA-Z_]\w*$/), z.string()),
      annotations: z.record(z.string().regex(/^[a-zA-Z_]\w*$/), z.string()),
      startsAt: z.iso.datetime(),
      endsAt: z.iso.datetime(),
      generatorURL: z.url(),
    }),
  )
  .min(1)
const openAlertmanager = () =>
  openHttpTarget({
    secret: SECRET,
    make: (url) => {
      const [entry] = alertsSchema.parse({ alertmanagers: [{ url, bearerToken: SECRET }] }).alertmanagers
      if (entry === undefined) throw new Error('No Alertmanager in the settings')
      return alertmanager(entry)
    },
    check: (call) => {
      expect([call.method, call.path]).toEqual(['POST', '/api/v2/alerts'])
      expect(call.headers.authorization).toBe(`Bearer ${SECRET}`)
      alertmanagerBody.parse(json(call))
    },
    answer: { status: 200, body: '' },
  })

// PagerDuty: Events API v2, with its limits.
const pagerdutyEvent = z.discriminatedUnion('event_action', [
  z.strictObject({
    routing_key: z.literal(SECRET),
    event_action: z.literal('trigger'),
    dedup_key: text(255),
    payload: z.strictObject({
      summary: text(1024),
      source: z.string().min(1),
      severity: z.enum(['critical', 'error', 'warning', 'info']),
      timestamp: z.iso.datetime(),
      component: z.string(),
      group: z.string(),
      class: z.string(),
      custom_details: z.record(z.string(), z.unknown()),
    }),
    links: z.array(z.strictObject({ href: z.string(), text: z.string() })),
    client: z.string(),
    client_url: z.string(),
  }),
  ...(['acknowledge', 'resolve'] as const).map((action) =>
    z.strictObject({
      routing_key: z.literal(SECRET),
      event_action: z.literal(action),
      dedup_key: text(255),
    }),
  ),
])
const pagerdutyChange = z.strictObject({
  routing_key: z.literal(SECRET),
  payload: z.strictObject({
    summary: text(1024),
    source: z.string(),
    timestamp: z.iso.datetime(),
    custom_details: z.record(z.string(), z.unknown()),
  }),
  links: z.array(z.strictObject({ href: z.url(), text: z.string() })),
})
const openPagerduty = () =>
  openHttpTarget({
    secret: SECRET,
    make: (url) => pagerduty(settings('pagerduty', { routingKey: SECRET, url })),
    check: (call) => {
      expect(call.body.length).toBeLessThan(512 * 1024)
      if (call.path === '/v2/change/enqueue') pagerdutyChange.parse(json(call))
      else {
        expect(call.path).toBe('/v2/enqueue')
        pagerdutyEvent.parse(json(call))
      }
    },
    answer: { status: 202, body: '{"status":"success","message":"Event processed","dedup_key":"x"}' },
  })

// Slack: Block Kit's limits, and its three escapes (a message must not be able to call a whole channel).
const mrkdwn = (most: number) =>
  z.strictObject({
    type: z.literal('mrkdwn'),
    text: text(most).refine(
      (value) => !/<(?!https?:)/.test(value),
      'something that Slack would take as its own',
    ),
  })
const slackBody = z.strictObject({
  text: z
    .string()
    .max(40_000)
    .refine((value) => !value.includes('<'), 'not escaped'),
  blocks: z
    .array(
      z.union([
        z.strictObject({
          type: z.literal('header'),
          text: z.strictObject({ type: z.literal('plain_text'), text: text(150), emoji: z.boolean() }),
        }),
        z.strictObject({ type: z.literal('section'), text: mrkdwn(3000) }),
        z.strictObject({ type: z.literal('section'), fields: z.array(mrkdwn(2000)).min(1).max(10) }),
      ]),
    )
    .max(50),
})
const openSlack = () =>
  openHttpTarget({
    secret: SECRET,
    make: (url) => slack(settings('slack', { url: `${url}/services/T0/B0/${SECRET}` })),
    check: (call) => {
      expect(call.path).toBe(`/services/T0/B0/${SECRET}`)
      slackBody.parse(json(call))
    },
    answer: { status: 200, body: 'ok' },
  })

// Teams: a message with one Adaptive Card, 28 KB at most.
const textBlock = z.strictObject({
  type: z.literal('TextBlock'),
  text: z.string(),
  wrap: z.literal(true),
  size: z.enum(['medium']).optional(),
  weight: z.enum(['bolder']).optional(),
  color: z.enum(['attention', 'warning', 'good', 'accent']).optional(),
  spacing: z.enum(['small']).optional(),
})
const teamsBody = z.strictObject({
  type: z.literal('message'),
  attachments: z
    .array(
      z.strictObject({
        contentType: z.literal('application/vnd.microsoft.card.adaptive'),
        contentUrl: z.null(),
        content: z.strictObject({
          $schema: z.literal('http://adaptivecards.io/schemas/adaptive-card.json'),
          type: z.literal('AdaptiveCard'),
          version: z.literal('1.4'),
          msteams: z.strictObject({ width: z.literal('Full') }),
          body: z.array(
            z.union([
              textBlock,
              z.strictObject({
                type: z.literal('FactSet'),
                facts: z.array(z.strictObject({ title: z.string(), value: z.string() })),
              }),
            ]),
          ),
          actions: z
            .array(z.strictObject({ type: z.literal('Action.OpenUrl'), title: z.string(), url: z.string() }))
            .max(6),
        }),
      }),
    )
    .length(1),
})
const openTeams = () =>
  openHttpTarget({
    secret: SECRET,
    make: (url) => teams(settings('teams', { url: `${url}/workflows/1?sig=${SECRET}` })),
    check: (call) => {
      expect(Buffer.byteLength(call.body)).toBeLessThan(28 * 1024)
      teamsBody.parse(json(call))
    },
    answer: { status: 202, body: '' },
  })

// The signed webhook: what the reference library of Standard Webhooks accepts.
const openWebhook = () =>
  openHttpTarget({
    secret: SECRET,
    make: (url) => webhook(settings('webhooks', { url: `${url}/hook?token=${SECRET}`, secret: SECRET })),
    check: (call) => {
      const stamp = Number(call.headers['webhook-timestamp']) * 1000
      expect(stamp).toBe(NOW)
      // The library looks at the clock on the wall: a signature of now shows that it knows the form.
      const own = new Webhook(SECRET, { format: 'raw' })
      const id = String(call.headers['webhook-id'])
      expect(call.headers['webhook-signature']).toBe(own.sign(id, new Date(stamp), call.body))
      z.strictObject({ event: z.string(), alert: z.looseObject({ id: z.string() }) }).parse(json(call))
    },
    answer: { status: 204, body: '' },
  })

// Opsgenie, written as a template: alert by alias, 130 characters, P1 to P5.
const opsgenie = {
  headers: { authorization: 'GenieKey {secret}' },
  secret: SECRET,
  words: { severity: { page: 'P1', ticket: 'P3', note: 'P5' } },
}
const opsgenieRequests = (url: string) => ({
  firing: {
    url: `${url}/v2/alerts`,
    body: {
      message: '{summary:130}',
      alias: '{id}',
      description: '{text:14000}',
      priority: '{severity}',
      tags: ['{service:50}', '{environment:50}'],
      details: { revision: '{revision}', reasons: '{reasons}' },
    },
  },
  acknowledged: {
    url: `${url}/v2/alerts/{id}/acknowledge?identifierType=alias`,
    body: { user: '{acknowledgedBy}' },
  },
  resolved: { url: `${url}/v2/alerts/{id}/close?identifierType=alias`, body: { note: '{resolution}' } },
})
const opsgenieAlert = z.strictObject({
  message: text(130),
  alias: text(512),
  description: text(15_000),
  priority: z.enum(['P1', 'P2', 'P3', 'P4', 'P5']),
  tags: z.array(text(50)).max(20),
  details: z.strictObject({ revision: z.number(), reasons: z.array(z.string()) }),
})
const openTemplate = () =>
  openHttpTarget({
    secret: SECRET,
    make: (url) => template(settings('templates', { ...opsgenie, ...opsgenieRequests(url) })),
    check: (call) => {
      expect(call.headers.authorization).toBe(`GenieKey ${SECRET}`)
      const body = json(call)
      if (call.path === '/v2/alerts') opsgenieAlert.parse(body)
      else {
        expect(call.path).toMatch(/^\/v2\/alerts\/regression-1\/(acknowledge|close)\?identifierType=alias$/)
        z.union([
          z.strictObject({ user: z.literal('Ada') }),
          z.strictObject({ note: z.literal('rolled back') }),
        ]).parse(body)
      }
    },
    answer: { status: 202, body: '{"result":"Request will be processed"}' },
  })

const openOtel = () =>
  openHttpTarget({
    secret: SECRET,
    make: (endpoint) => openTelemetry(settings('openTelemetry', { endpoint, bearerToken: SECRET }), ''),
    check: (call) => {
      expect([call.path, call.headers['content-type']]).toEqual(['/v1/logs', 'application/x-protobuf'])
      expect(call.headers.authorization).toBe(`Bearer ${SECRET}`)
      expect(call.body).toContain('postflight.alert.')
      expect(call.body).toMatch(/service\.name.{1,8}postflight/s)
      expect(call.body).not.toContain('unknown_service')
    },
    answer: { status: 200, body: '' },
  })

receiverSuite('Alertmanager', openAlertmanager)
receiverSuite('PagerDuty', openPagerduty)
receiverSuite('Slack', openSlack)
receiverSuite('Teams', openTeams)
receiverSuite('signed webhook', openWebhook)
receiverSuite('template', openTemplate)
// Its exporter repeats by itself what may go later, for up to ten seconds.
receiverSuite('OpenTelemetry', openOtel, 'itself')

describe('what is particular to one receiver', () => {
  let target: Target | undefined
  afterEach(() => target?.close())
  const open = async (opening: Promise<Target>) => {
    target = await opening
    return { ...target, calls: target.taken as readonly HttpCall[] }
  }
  const bodies = (calls: readonly HttpCall[]) => calls.map(({ body }) => JSON.parse(body))

  it('Alertmanager: an alert that got worse is another one there, and the former ends with it', async () => {
    const { receiver, calls } = await open(openAlertmanager())
    await receiver.send({ ...noticeThat('firing', NOW), formerSeverities: ['ticket'] }, NOW)
    const [[now, former]] = bodies(calls)
    expect([now.labels.severity, former.labels.severity]).toEqual(['page', 'ticket'])
    expect(Date.parse(now.endsAt)).toBeGreaterThan(NOW)
    expect(Date.parse(former.endsAt)).toBe(NOW)
  })

  it('PagerDuty: one incident from trigger to resolve, and deployments as changes', async () => {
    const { receiver, calls } = await open(openPagerduty())
    for (const event of ['firing', 'acknowledged', 'resolved'] as const)
      await receiver.send(noticeThat(event, NOW), NOW)
    const deployment: Deployment = {
      id: 'd1',
      service: 'checkout',
      environment: 'live',
      version: '2.7.0',
      previousVersion: '2.6.0',
      startedAt: new Date(NOW).toISOString(),
      finishedAt: null,
      source: 'api',
      status: 'succeeded',
      attributes: { commit: 'abc' },
    }
    await receiver.send(
      { kind: 'deployment', id: 'deployment-d1', event: 'deployment', deployment, link: 'http://x.test/' },
      NOW,
    )
    const [trigger, acknowledge, resolve, change] = bodies(calls)
    expect([trigger, acknowledge, resolve].map((one) => one.dedup_key)).toEqual(Array(3).fill('regression-1'))
    expect(trigger.payload.severity).toBe('critical')
    expect(change.payload.summary).toBe('checkout 2.7.0 was deployed to live')
    expect(change.payload.custom_details).toMatchObject({ Replaces: '2.6.0', commit: 'abc' })
  })

  it('Teams: a connector that says 200 and speaks of an error did not take it', async () => {
    const { receiver } = await open(
      openHttpTarget({
        secret: SECRET,
        make: (url) => teams(settings('teams', { url })),
        check: () => {},
        answer: {
          status: 200,
          body: 'Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429 with ContextId x',
        },
      }),
    )
    await expect(receiver.send(noticeThat('firing', NOW), NOW)).rejects.toMatchObject({ kind: 'unavailable' })
  })

  it('signed webhook: the reference library verifies it, and nothing that was changed or is old', async () => {
    const secret = `whsec_${Buffer.from('0123456789abcdef01234567').toString('base64')}`
    const { receiver, calls } = await open(
      openHttpTarget({
        secret,
        make: (url) => webhook(settings('webhooks', { url, secret })),
        check: () => {},
        answer: { status: 200, body: '' },
      }),
    )
    const now = Date.now()
    await receiver.send(noticeThat('firing', now), now)
    await receiver.send(noticeThat('firing', now), now)
    await receiver.send(noticeThat('firing', now - 600_000), now - 600_000)
    const [first, again, old] = calls
    const verify = (call: HttpCall | undefined, body = call?.body ?? '') =>
      new Webhook(secret).verify(body, call?.headers as Record<string, string>)
    expect(verify(first)).toMatchObject({ event: 'firing', alert: { id: 'regression-1' } })
    expect(again?.headers['webhook-id']).toBe(first?.headers['webhook-id'])
    expect(() => verify(first, first?.body.replace('2.7.0', '2.7.1'))).toThrow()
    expect(() => verify(old)).toThrow(/too old/)
  })

  it('template: a field that does not exist is named, and the message waits until it is mended', async () => {
    const { receiver } = await open(
      openHttpTarget({
        secret: SECRET,
        make: (url) => template(settings('templates', { firing: { url, body: 'hello {nobody}' } })),
        check: () => {},
        answer: { status: 200, body: '' },
      }),
    )
    const sent = receiver.send(noticeThat('firing', NOW), NOW)
    await expect(sent).rejects.toMatchObject({ kind: 'failed' })
    await expect(sent).rejects.toThrow(/no field \{nobody\}; there are .*summary/)
    expect([...receiver.events]).toEqual(['firing'])
  })

  it('heartbeat: asks for its address', async () => {
    const { receiver, calls } = await open(
      openHttpTarget({
        secret: SECRET,
        make: (url) => heartbeat(settings('heartbeats', { url: `${url}/ping/${SECRET}` })),
        check: () => {},
        answer: { status: 200, body: 'OK' },
      }),
    )
    expect(await receiver.send(noticeThat('firing', NOW), NOW)).toBe('200 OK')
    expect(calls.map(({ method, path }) => [method, path])).toEqual([['GET', `/ping/${SECRET}`]])
  })
})

describe('HTTP to receivers', () => {
  let target: Target | undefined
  afterEach(() => target?.close())

  it('gives up on a server that takes a message and does not answer, or answers drop by drop', async () => {
    const server = createServer((request, response) => {
      if (request.url === '/drops') {
        response.writeHead(200)
        const timer = setInterval(() => response.write('.'), 20)
        response.on('close', () => clearInterval(timer))
      }
    })
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    const { port } = server.address() as { port: number }
    for (const path of ['/silence', '/drops']) {
      await expect(
        sendHttp({ url: `http://127.0.0.1:${port}${path}`, secrets: [] }, 300),
      ).rejects.toMatchObject({ kind: 'unavailable', message: 'no answer within 0.3 s' })
    }
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
  })

  it('does not follow a redirect, which would carry secrets elsewhere', async () => {
    target = await openHttpTarget({
      secret: SECRET,
      make: (url) => slack(settings('slack', { url })),
      check: () => {},
      answer: { status: 302, body: '' },
    })
    await expect(target.receiver.send(noticeThat('firing', NOW), NOW)).rejects.toMatchObject({
      name: 'SendError',
    })
  })
})
