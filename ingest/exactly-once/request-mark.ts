import { createHash } from 'node:crypto'
import type { TelemetryRequest } from '../transport/transport.ts'

/**
 * What a request is known by, 16 bytes as ClickHouse keeps a little-endian `UInt128`: 96 bits of a SHA-256 over its sender,
 * signal, kind and bytes, and above them the second in which it came. So marks compare as times do, and those of a window are one range.
 */
export type RequestMark = Buffer

export const MARK_BYTES = 16
/** Bytes of a mark that are the hash. Two of the million requests of a window have the same with a chance of 1 in 10^17. */
export const HASH_BYTES = 12

export function markOf(request: TelemetryRequest): RequestMark {
  const { sender, signal, contentType, body, receivedAt } = request
  const mark = createHash('sha256')
    .update(`${sender}\n${signal}\n${contentType}\n`)
    .update(body)
    .digest()
    .subarray(0, MARK_BYTES)
  mark.writeUInt32LE(Math.trunc(receivedAt / 1000), HASH_BYTES)
  return mark
}

/** The hash of a mark as a key of a map: a request that is repeated a second later has the same. */
export function keyOf(mark: RequestMark): string {
  return mark.toString('latin1', 0, HASH_BYTES)
}

/** @param text the number as ClickHouse writes it */
export function markFromText(text: string): RequestMark {
  const mark = Buffer.alloc(MARK_BYTES)
  const value = BigInt(text)
  mark.writeBigUInt64LE(value & 0xffffffffffffffffn, 0)
  mark.writeBigUInt64LE(value >> 64n, 8)
  return mark
}

/** The least mark of a request that came at `time` (milliseconds since 1970) or later, as ClickHouse reads it. */
export function leastMark(time: number): string {
  return String(BigInt(Math.max(0, Math.trunc(time / 1000))) << BigInt(8 * HASH_BYTES))
}

/** The time of a mark in milliseconds since 1970, cut to whole seconds. */
export function timeOf(mark: RequestMark): number {
  return mark.readUInt32LE(HASH_BYTES) * 1000
}
