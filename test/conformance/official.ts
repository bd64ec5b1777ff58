import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import protobuf from 'protobufjs'

const { root } = protobuf.parse(readFileSync(join(import.meta.dirname, 'otlp.proto'), 'utf8'))

/** Messages as an official protobuf implementation writes and reads them. */
export const official = {
  logs: root.lookupType('otlp.ExportLogsServiceRequest'),
  traces: root.lookupType('otlp.ExportTraceServiceRequest'),
  metrics: root.lookupType('otlp.ExportMetricsServiceRequest'),
  response: root.lookupType('otlp.ExportServiceResponse'),
  status: root.lookupType('otlp.RpcStatus'),
  retryInfo: root.lookupType('otlp.RetryInfo'),
}

/** Encodes a message given as plain objects (camelCase names, 64-bit values as decimal strings). */
export function encode(type: protobuf.Type, message: object): Buffer {
  return Buffer.from(type.encode(type.fromObject(message)).finish())
}

/** OTLP/JSON of a message: ids in hex, other bytes in base64, numbers that JSON.stringify has no word for as text. */
export function otlpJson(message: object): string {
  const ids = new Set(['traceId', 'spanId', 'parentSpanId'])
  return JSON.stringify(message, (name, value) => {
    if (value instanceof Uint8Array) return Buffer.from(value).toString(ids.has(name) ? 'hex' : 'base64')
    if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
    if (Object.is(value, -0)) return '-0'
    return value
  })
}

/** Names of the fields (`Span.Event.name`) that a message has, at any depth. */
export function fieldsIn(type: protobuf.Type, message: Uint8Array): Set<string> {
  const found = new Set<string>()
  const look = (of: protobuf.Type, value: Record<string, unknown>): void => {
    for (const field of of.fieldsArray) {
      const held = value[field.name]
      if (held === undefined) continue
      found.add(`${of.fullName.slice('.otlp.'.length)}.${field.name}`)
      const nested = field.resolve().resolvedType
      if (!(nested instanceof protobuf.Type)) continue
      for (const one of field.repeated ? (held as unknown[]) : [held]) look(nested, one as never)
    }
  }
  look(type, type.toObject(type.decode(message)))
  return found
}

/** Names of all fields that a message of this type may have, at any depth. */
export function fieldsOf(type: protobuf.Type): Set<string> {
  const known = new Set<protobuf.Type>()
  const look = (of: protobuf.Type): void => {
    if (known.has(of)) return
    known.add(of)
    for (const field of of.fieldsArray) {
      const nested = field.resolve().resolvedType
      if (nested instanceof protobuf.Type) look(nested)
    }
  }
  look(type)
  const names = [...known].flatMap((of) =>
    of.fieldsArray.map(({ name }) => `${of.fullName.slice('.otlp.'.length)}.${name}`),
  )
  return new Set(names)
}
