import { Metadata, type StatusObject } from '@grpc/grpc-js'
import { Bytes } from '../native/sink.ts'
import { rpcCode, statusBody } from '../otlp-http/answer.ts'
import type { Outcome } from '../outcome.ts'

const RETRY_INFO = 'type.googleapis.com/google.rpc.RetryInfo'
/** Seconds after which a sender may try again. */
const RETRY_AFTER = 1
const UNAVAILABLE = 14

/**
 * The end of a call that was not taken: code and message, and a google.rpc.Status in the trailer `grpc-status-details-bin`, with RetryInfo when the
 * sender is to come again (OTLP specification 1.x, "OTLP/gRPC Throttling").
 */
export function grpcStatus({ status, message }: Outcome): StatusObject {
  const code = rpcCode(status)
  const metadata = new Metadata()
  const body = statusBody('application/x-protobuf', status, message)
  const details = code === UNAVAILABLE ? Buffer.concat([body, field(3, retryInfo())]) : body
  metadata.set('grpc-status-details-bin', details)
  return { code, details: message, metadata }
}

/** google.protobuf.Any of a google.rpc.RetryInfo, whose delay is a google.protobuf.Duration. */
function retryInfo(): Buffer {
  const delay = Buffer.from([0x08, RETRY_AFTER])
  return Buffer.concat([field(1, Buffer.from(RETRY_INFO)), field(2, field(1, delay))])
}

/** A length-delimited field. */
function field(number: number, value: Buffer): Buffer {
  const out = new Bytes(value.length + 8)
  out.pushVarint(number * 8 + 2)
  out.pushText(value, 0, value.length)
  return Buffer.from(out.view())
}
