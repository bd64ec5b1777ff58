import { createHash } from 'node:crypto'
import type { TelemetryRequest } from './transport/transport.ts'

/**
 * What a request is known by when its sender repeats it: the first 128 bits of SHA-256 over what it is, who sent it
 * and its bytes, in hex.
 */
export function requestHash(
  request: Pick<TelemetryRequest, 'signal' | 'contentType' | 'sender' | 'body'>,
): string {
  const { signal, contentType, sender, body } = request
  return createHash('sha256')
    .update(`${signal}\n${contentType}\n${sender}\n`)
    .update(body)
    .digest('hex')
    .slice(0, 32)
}
