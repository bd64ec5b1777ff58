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
