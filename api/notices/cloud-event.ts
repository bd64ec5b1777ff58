import type { IncomingHttpHeaders } from 'node:http'
import { z } from 'zod'
import { PostflightError } from '../../schemas/errors.ts'
import { readJson } from './read-payload.ts'

const structured = z.looseObject({
  specversion: z.string(),
  type: z.string().min(1),
  data: z.unknown().optional(),
  data_base64: z.string().optional(),
})

/**
 * The data of CloudEvents 1.0 over HTTP: binary mode (attributes in `ce-*` headers, the body is the data), structured mode (`application/cloudevents+json`)
 * and batches of it (`application/cloudevents-batch+json`).
 * @throws PostflightError INVALID_REQUEST
 */
export function cloudEventData(headers: IncomingHttpHeaders, body: Buffer): readonly unknown[] {
  const [media = ''] = (headers['content-type'] ?? '').toLowerCase().split(';')
  const payload = readJson(body)
  if (media.trim() === 'application/cloudevents+json') return [dataOf(payload, 'body')]
  if (media.trim() === 'application/cloudevents-batch+json') {
    const batch = z.array(z.unknown()).max(100).safeParse(payload)
    if (!batch.success) throw wrong('body', 'an array of at most 100 events', typeof payload)
    return batch.data.map((event, at) => dataOf(event, `body.${at}`))
  }
  const version = headers['ce-specversion']
  if (version === undefined)
    throw wrong('headers.ce-specversion', '1.0 (or Content-Type: application/cloudevents+json)', 'nothing')
  refuseOtherVersion('headers.ce-specversion', String(version))
  return [payload]
}

function dataOf(event: unknown, field: string): unknown {
  const parsed = structured.safeParse(event)
  if (!parsed.success) throw wrong(field, 'a CloudEvent with specversion, type and data', typeof event)
  refuseOtherVersion(`${field}.specversion`, parsed.data.specversion)
  const { data, data_base64: encoded } = parsed.data
  return data === undefined && encoded !== undefined ? readJson(Buffer.from(encoded, 'base64')) : data
}

function refuseOtherVersion(field: string, version: string): void {
  if (!/^1\.\d+$/.test(version)) throw wrong(field, '1.0', version.slice(0, 20))
}

function wrong(field: string, expected: string, got: string): PostflightError {
  return new PostflightError('INVALID_REQUEST', `This is no CloudEvent over HTTP: ${field}.`, {
    hint: `${field}: expected ${expected}`,
    details: { errors: [{ field, expected, got }] },
  })
}
