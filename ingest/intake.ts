import { TooLarge, Unreadable } from './protobuf/unreadable.ts'

export type SignalKind = 'logs' | 'traces' | 'metrics'

/** A record of a request that could not be stored. */
export interface Rejection {
  readonly code: string
  readonly field: string
  readonly message: string
  /** The record as it came; a view of the request. */
  readonly payload: Buffer
  readonly contentType: string
}

/** What one request may do, and what became of its records. */
export class Intake {
  accepted = 0
  /** True if a record had no time of its own and got that of receiving: the same bytes again may well be another record. */
  untimed = false
  readonly rejections: Rejection[] = []
  /** Time of receiving, milliseconds since 1970. */
  readonly now: number
  /** Time of receiving, nanoseconds since 1970, as two 32-bit halves. */
  readonly nowLow: number
  readonly nowHigh: number
  private readonly earliest: number
  private readonly latest: number
  private budget: number

  /**
   * @param now milliseconds since 1970
   * @param maxPast how old a record may be, milliseconds
   * @param maxFuture how far ahead of `now` a record may be, milliseconds
   * @param maxBytes what the request may become as rows, bytes
   */
  constructor(now: number, maxPast: number, maxFuture: number, maxBytes: number) {
    this.now = now
    const nanoseconds = BigInt(Math.trunc(now)) * 1_000_000n
    this.nowLow = Number(nanoseconds & 0xffffffffn)
    this.nowHigh = Number(nanoseconds >> 32n)
    this.earliest = (now - maxPast) * 1e6
    this.latest = Math.min((now + maxFuture) * 1e6, MAX_TIME)
    this.budget = maxBytes
  }

  /** @throws Unreadable if a record's time is not one that we accept */
  checkTime(low: number, high: number, field: string): void {
    const time = high * 4294967296 + low
    if (time >= this.earliest && time <= this.latest) return
    if (time === 0) throw new Unreadable('TIME_MISSING', field, 'The record has no time')
    const which = time < this.earliest ? 'older' : 'later'
    throw new Unreadable(
      'TIME_OUT_OF_RANGE',
      field,
      `${isoTime(time)} is ${which} than accepted (${isoTime(this.earliest)} to ${isoTime(this.latest)})`,
    )
  }

  /** Counts what a record will take against what the request may. @throws TooLarge */
  spend(bytes: number): void {
    this.budget -= bytes
    if (this.budget < 0) {
      throw new TooLarge(
        'The request becomes too many bytes when each record gets its resource: send fewer records at once',
      )
    }
  }

  /** Notes a record that is not stored; errors of other kinds go on to the caller. */
  reject(error: unknown, payload: Buffer, contentType = 'application/x-protobuf'): void {
    if (!(error instanceof Unreadable)) throw error
    this.rejections.push({
      code: error.code,
      field: error.field,
      message: error.message,
      payload,
      contentType,
    })
  }
}

/** The columns hold signed 64-bit nanoseconds: until the year 2262. */
const MAX_TIME = 2 ** 63 - 1024

/** A time besides the record's own (of an event, an exemplar, a start): anything that the column can hold. */
export function checkColumnTime(high: number, field: string): void {
  if (high >= 0x80000000) throw new Unreadable('TIME_OUT_OF_RANGE', field, 'The time is after the year 2262')
}

function isoTime(nanoseconds: number): string {
  const date = new Date(nanoseconds / 1e6)
  return Number.isNaN(date.getTime()) ? `${nanoseconds} ns` : date.toISOString()
}
