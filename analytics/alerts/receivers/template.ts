import type { TemplateSettings } from '../../../schemas/alerts.ts'
import { readSecret } from '../../../schemas/secret.ts'
import { cut, messageOf, plainText } from '../message.ts'
import type { Notice } from '../notice.ts'
import { type Receiver, SendError } from '../receiver.ts'
import { JSON_TYPE, sendHttp } from './http.ts'

/**
 * A webhook whose address, headers and body the user writes: for Opsgenie, its successor, or anything that takes JSON. In texts `{field}` stands for a value, and
 * `{field:130}` for its first 130 characters. The body is filled in as a structure and made JSON afterwards, so no value can break it.
 */
export function template(settings: TemplateSettings): Receiver {
  const events = (['firing', 'acknowledged', 'resolved'] as const).filter(
    (event) => settings[event] !== undefined,
  )
  return {
    name: `template:${settings.name}`,
    events: new Set(events),
    heartbeat: false,
    deduplicates: false,
    repeatEvery: null,
    render: (notice) => {
      const { method, url, body, contentType } = requestOf(settings, notice, '(secret)')
      return { contentType, body: `${method} ${url}\n\n${body}` }
    },
    send: async (notice) => {
      const secret = await readSecret(settings.secret, settings.secretFile)
      const { method, url, headers, body, contentType } = requestOf(settings, notice, secret)
      return await sendHttp({
        method,
        url,
        headers: { 'content-type': contentType, ...headers },
        ...(body === '' ? {} : { body }),
        secrets: [secret, encodeURIComponent(secret), ...Object.values(headers)],
      })
    },
  }
}

/** What a template can name. */
type Fields = Readonly<Record<string, unknown>>

function requestOf(settings: TemplateSettings, notice: Notice, secret: string) {
  const request = notice.kind === 'alert' ? settings[notice.event] : undefined
  if (notice.kind !== 'alert' || request === undefined)
    throw new SendError('refused', `${settings.name} has no request for "${notice.event}"`)
  const message = messageOf(notice)
  const { alert } = notice
  const plain: Fields = {
    ...alert,
    event: notice.event,
    notice: notice.id,
    title: message.title,
    text: plainText(message),
    reasons: message.reasons,
    acknowledgedBy: alert.acknowledged?.by ?? '',
  }
  const fields = Object.fromEntries(
    Object.entries(plain).map(([name, value]) => [name, settings.words[name]?.[String(value)] ?? value]),
  )
  const withSecret = { ...fields, secret }
  const body = fillIn(request.body, fields, settings.name)
  return {
    method: request.method,
    url: fill(request.url, withSecret, settings.name, encodeURIComponent),
    headers: Object.fromEntries(
      Object.entries(settings.headers).map(([name, value]) => [
        name,
        fill(value, withSecret, settings.name, (text) => text.replaceAll(/[\r\n]/g, ' ')),
      ]),
    ),
    contentType: typeof body === 'string' ? 'text/plain; charset=utf-8' : JSON_TYPE['content-type'],
    body: typeof body === 'string' ? body : JSON.stringify(body, null, 2),
  }
}

/** A text that is nothing but one field becomes its value, whatever its type. */
function fillIn(body: unknown, fields: Fields, name: string): unknown {
  if (typeof body === 'string') {
    const whole = /^\{(\w+)\}$/.exec(body)
    return whole === null ? fill(body, fields, name, (text) => text) : fieldOf(whole[1] ?? '', fields, name)
  }
  if (Array.isArray(body)) return body.map((item) => fillIn(item, fields, name))
  if (typeof body === 'object' && body !== null)
    return Object.fromEntries(Object.entries(body).map(([key, value]) => [key, fillIn(value, fields, name)]))
  return body
}

function fill(text: string, fields: Fields, name: string, encode: (text: string) => string): string {
  return text.replaceAll(/\{(\w+)(?::(\d{1,5}))?\}/g, (_, field: string, most?: string) => {
    const value = fieldOf(field, fields, name)
    const told = typeof value === 'string' ? value : value === null ? '' : JSON.stringify(value)
    return encode(most === undefined ? told : cut(told, Number(most)))
  })
}

function fieldOf(field: string, fields: Fields, name: string): unknown {
  if (!Object.hasOwn(fields, field))
    throw new SendError(
      'failed',
      `alerts.templates, ${name}: no field {${field}}; there are ${Object.keys(fields).sort().join(', ')}`,
    )
  return fields[field]
}
