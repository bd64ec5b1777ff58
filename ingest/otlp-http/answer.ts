import type { SignalKind } from '../intake.ts'
import { Bytes } from '../native/sink.ts'
import type { Acknowledgement, OtlpContentType } from '../transport/transport.ts'

/** Codes of google.rpc.Status that go with our HTTP statuses. */
const RPC_CODES: Readonly<Record<number, number>> = {
  400: 3, // INVALID_ARGUMENT
  401: 16, // UNAUTHENTICATED
  403: 7, // PERMISSION_DENIED
  404: 5, // NOT_FOUND
  405: 12, // UNIMPLEMENTED
  413: 8, // RESOURCE_EXHAUSTED
  415: 3,
  503: 14, // UNAVAILABLE
}
const RPC_UNKNOWN = 2

const REJECTED_FIELD = {
  logs: 'rejectedLogRecords',
  traces: 'rejectedSpans',
  metrics: 'rejectedDataPoints',
} as const

/** The body of an Export*ServiceResponse, in the kind of the request; empty when everything was stored. */
export function exportResponse(kind: OtlpContentType, signal: SignalKind, done: Acknowledgement): Buffer {
  if (done.rejected === 0) return Buffer.from(kind === 'application/json' ? '{}' : '')
  if (kind === 'application/json') {
    // 64-bit numbers are strings in the JSON mapping of protobuf.
    const partialSuccess = { [REJECTED_FIELD[signal]]: String(done.rejected), errorMessage: done.message }
    return Buffer.from(JSON.stringify({ partialSuccess }))
  }
  const partial = new Bytes(256)
  partial.pushByte(0x08)
  partial.pushVarint(done.rejected)
  partial.pushByte(0x12)
  partial.pushString(done.message)
  const out = new Bytes(256)
  out.pushByte(0x0a)
  out.pushVarint(partial.length)
  out.pushRaw(partial.bytes, 0, partial.length)
  return out.view()
}

/** The code of google.rpc.Status, and of gRPC, for one of our HTTP statuses. */
export function rpcCode(status: number): number {
  return RPC_CODES[status] ?? RPC_UNKNOWN
}

/** A google.rpc.Status in the kind of the request. */
export function statusBody(kind: OtlpContentType, status: number, message: string): Buffer {
  const code = rpcCode(status)
  if (kind === 'application/json') return Buffer.from(JSON.stringify({ code, message }))
  const out = new Bytes(256)
  out.pushByte(0x08)
  out.pushVarint(code)
  out.pushByte(0x12)
  out.pushString(message)
  return out.view()
}
