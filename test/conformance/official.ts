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
