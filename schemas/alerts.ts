import { z } from 'zod'
import { SEVERITIES } from './contracts/alert.ts'
import { secretShape, unreadableSecrets } from './secret.ts'

const address = z.url({ protocol: /^https?$/ }).refine((text) => !/^https?:\/\/[^/]*@/.test(text), {
  message: 'no name and password in an address: they would be shown; use username and passwordFile',
})
/** Environment variables and flags are text. */
const flag = z.union([z.boolean(), z.stringbool()])
/** After the kind and a colon it is the receiver's name everywhere: `slack:payments`. */
const name = z.string().regex(/^[^\s:/]{1,60}$/, 'expected a name without spaces, colons and slashes')

/** An address that is a secret by itself, as chat's webhooks are. */
const secretUrl = secretShape('url')
const oneUrl = (entry: { url: string; urlFile: string; urlVariable: string }) =>
  entry.urlFile !== '' ||
  entry.urlVariable !== '' ||
  z.url({ protocol: /^https?$/ }).safeParse(entry.url).success
const urlMissing = {
  path: ['url'],
  message: 'expected an address (http or https), or urlFile, or urlVariable',
}

const credentials = {
  username: z.string().default(''),
  ...secretShape('password'),
  ...secretShape('bearerToken'),
}

const alertmanager = z.preprocess(
  (value) => (typeof value === 'string' ? { url: value } : value),
  z.strictObject({
    /** Base address (API v2). */
    url: address,
    /** True: it also gets PostflightHeartbeat, which always fires; for a route that tells you when it stops. */
    heartbeat: flag.default(false),
    ...credentials,
  }),
)
export type AlertmanagerSettings = z.infer<typeof alertmanager>

const pagerduty = z
  .strictObject({
    name,
    ...secretShape('routingKey'),
    /** Where Events API v2 is; other regions have their own. */
    url: address.default('https://events.pagerduty.com'),
    /** True: deployments are sent as change events. */
    changes: flag.default(true),
  })
  .refine(
    (entry) => entry.routingKey !== '' || entry.routingKeyFile !== '' || entry.routingKeyVariable !== '',
    {
      path: ['routingKey'],
      message: 'expected an integration key, or routingKeyFile, or routingKeyVariable',
    },
  )
export type PagerdutySettings = z.infer<typeof pagerduty>

/** Slack and Microsoft Teams. */
const chat = z.strictObject({ name, ...secretUrl }).refine(oneUrl, urlMissing)
export type ChatSettings = z.infer<typeof chat>

const webhook = z
  .strictObject({
    name,
    ...secretUrl,
    /** Signs each message (Standard Webhooks); empty: unsigned. */
    ...secretShape('secret'),
  })
  .refine(oneUrl, urlMissing)
export type WebhookSettings = z.infer<typeof webhook>

/** JSON in whose texts `{field}` stands for a value. */
const body = z.union([z.string(), z.record(z.string(), z.unknown()), z.array(z.unknown())])
const templateRequest = z.strictObject({
  method: z.enum(['POST', 'PUT', 'PATCH', 'DELETE']).default('POST'),
  /** May hold `{id}` and other fields, and `{secret}`. */
  url: z.string().regex(/^https?:\/\/\S+$/, 'expected an address (http or https)'),
  body: body.default(''),
})
const template = z.strictObject({
  name,
  /** Sent with each request; may hold `{secret}`. */
  headers: z.record(z.string(), z.string()).default({}),
  ...secretShape('secret'),
  /** Words for values of a field: `{ severity: { page: P1, ticket: P3, note: P5 } }`. */
  words: z.record(z.string(), z.record(z.string(), z.string())).default({}),
  firing: templateRequest,
  /** Left out: is not told of it. */
  acknowledged: templateRequest.optional(),
  resolved: templateRequest.optional(),
})
export type TemplateSettings = z.infer<typeof template>

const email = z.strictObject({
  name,
  /** SMTP server. */
  host: z.string().min(1),
  port: z.coerce.number().int().min(1).max(65535).default(587),
  /** `starttls` fails without it; `auto` takes it if it is offered; `implicit` is TLS from the start (port 465). */
  tls: z.enum(['starttls', 'auto', 'implicit', 'off']).default('starttls'),
  /** PEM file of the authority; empty: the system's. */
  ca: z.string().default(''),
  username: z.string().default(''),
  ...secretShape('password'),
  from: z.string().min(3),
  to: z.array(z.string().min(3)).min(1),
})
export type EmailSettings = z.infer<typeof email>

const openTelemetry = z.strictObject({
  name,
  /** OTLP/HTTP address; empty: `selfObservation.endpoint`. */
  endpoint: z.union([z.literal(''), address]).default(''),
  ...secretShape('bearerToken'),
})
export type OpenTelemetrySettings = z.infer<typeof openTelemetry>

/** An address that is asked for (GET) each minute while the monitor is alive; who keeps it tells you when that stops. */
const heartbeat = z.strictObject({ name, ...secretUrl }).refine(oneUrl, urlMissing)
export type HeartbeatSettings = z.infer<typeof heartbeat>

/** What a rule is about; an empty list is everything. `checkout*` matches what begins so. */
const match = {
  services: z.array(z.string().min(1)).default([]),
  environments: z.array(z.string().min(1)).default([]),
  severities: z.array(z.enum(SEVERITIES)).default([]),
  owners: z.array(z.string().min(1)).default([]),
}
const receivers = z.array(z.string()).default([])

const route = z.strictObject({ ...match, receivers })
export type Route = z.infer<typeof route>

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
const time = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'expected hh:mm')
const weekly = z.strictObject({
  ...match,
  /** Days on which it begins. */
  days: z.array(z.enum(DAYS)).default([...DAYS]),
  /** Local time; an end that is not after the start is on the next day. */
  from: time,
  to: time,
  /** IANA name. */
  timeZone: z.string().default('UTC').refine(isTimeZone, 'expected an IANA time zone, such as Europe/Berlin'),
  /** Whom it holds back; none: everybody. */
  receivers,
})
export type WeeklyWindow = z.infer<typeof weekly>

function isTimeZone(text: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: text }) !== undefined
  } catch {
    return false
  }
}

/** The lists of receivers, by the kind that begins their names. */
const lists = {
  webhooks: z.array(webhook).default([]),
  alertmanagers: z.array(alertmanager).default([]),
  pagerduty: z.array(pagerduty).default([]),
  slack: z.array(chat).default([]),
  teams: z.array(chat).default([]),
  /** Opsgenie, its successor, or anything else that takes JSON. */
  templates: z.array(template).default([]),
  email: z.array(email).default([]),
  openTelemetry: z.array(openTelemetry).default([]),
  heartbeats: z.array(heartbeat).default([]),
} as const

/** Settings of who is told of what. */
export const alertsSchema = z
  .strictObject({
    ...lists,
    /** An alert goes to the receivers of every route that matches; if none does, to everybody. */
    routes: z.array(route).default([]),
    /** In these only `page` is sent; the rest waits until they end, if it is still so then. */
    quietHours: z.array(weekly).default([]),
    /** In these nothing is sent. For one time: `postflight mute --from`. */
    maintenance: z.array(weekly).default([]),
    /** Service -> team or person, where the deployment does not say (its attribute `owner`). */
    owners: z.record(z.string(), z.string()).default({}),
    /** Environments that nobody is told of. */
    mutedEnvironments: z.array(z.string()).default([]),
    /** Minutes between two messages on one alert that grows, where each is a message of its own (chat, mail); a worse severity does not wait. */
    updateMinutes: z.coerce.number().min(0).max(1440).default(10),
  })
  .superRefine((alerts, context) => {
    const names = receiverNames(alerts)
    const repeated = names.filter((one, at) => names.indexOf(one) !== at)
    for (const one of new Set(repeated))
      context.addIssue({ code: 'custom', path: [], message: `two receivers are called ${one}` })
    for (const rules of ['routes', 'quietHours', 'maintenance'] as const) {
      for (const [at, rule] of alerts[rules].entries()) {
        for (const one of rule.receivers) {
          if (names.includes(one)) continue
          const known = names.length === 0 ? 'there is none' : `there are ${names.join(', ')}`
          context.addIssue({
            code: 'custom',
            path: [rules, at, 'receivers'],
            message: `expected names of receivers (${known}), not ${one}`,
          })
        }
      }
    }
  })
export type AlertSettings = z.infer<typeof alertsSchema>

/** Those of the settings whose values are never printed. */
export const SECRET_ALERTS = Object.keys(lists) as readonly (keyof typeof lists)[]

/** Which receivers' secrets cannot be read now, in words. */
export async function unreadableAlertSecrets(alerts: AlertSettings): Promise<readonly string[]> {
  const lists = SECRET_ALERTS.map((kind) => unreadableSecrets(alerts[kind], `alerts.${kind}`))
  return (await Promise.all(lists)).flat()
}

/** Names of all receivers: kind, colon, name. An Alertmanager is called by its host and port. */
export function receiverNames(alerts: Pick<AlertSettings, keyof typeof lists>): readonly string[] {
  const named = (kind: string, list: readonly { readonly name: string }[]) =>
    list.map((entry) => `${kind}:${entry.name}`)
  return [
    ...named('webhook', alerts.webhooks),
    ...alerts.alertmanagers.map(alertmanagerName),
    ...named('pagerduty', alerts.pagerduty),
    ...named('slack', alerts.slack),
    ...named('teams', alerts.teams),
    ...named('template', alerts.templates),
    ...named('email', alerts.email),
    ...named('opentelemetry', alerts.openTelemetry),
    ...named('heartbeat', alerts.heartbeats),
  ]
}

export function alertmanagerName({ url }: Pick<AlertmanagerSettings, 'url'>): string {
  const { host, pathname } = new URL(url)
  return `alertmanager:${host}${pathname.replace(/\/+$/, '')}`
}
