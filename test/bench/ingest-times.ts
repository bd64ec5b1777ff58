/** How far before `madeAt` the times of a body may be, and how far after, milliseconds. */
const BEFORE = 10_000
const AFTER = 1_000

/** The times in an encoded request: they are found by their value, 8 bytes little-endian, so that they can be moved to when it is sent. */
export class BodyTimes {
  private readonly view: DataView
  private readonly madeAt: number
  private readonly places: number[] = []
  private readonly low: Uint32Array
  private readonly high: Uint32Array

  /** @param madeAt milliseconds since 1970 @throws Error if the body has no time near it */
  constructor(body: Buffer, madeAt: number) {
    this.view = new DataView(body.buffer, body.byteOffset, body.byteLength)
    this.madeAt = madeAt
    const first = Math.floor(((madeAt - BEFORE) * 1e6) / 2 ** 32)
    const last = Math.floor(((madeAt + AFTER) * 1e6) / 2 ** 32)
    const top = first >>> 24
    for (let at = 0; at + 8 <= body.length; at++) {
      if (body[at + 7] !== top) continue
      const high = body.readUInt32LE(at + 4)
      if (high >= first && high <= last) {
        this.places.push(at)
        at += 7
      }
    }
    if (this.places.length === 0) throw new Error('The request has no times that could be moved')
    this.low = Uint32Array.from(this.places, (at) => this.view.getUint32(at, true))
    this.high = Uint32Array.from(this.places, (at) => this.view.getUint32(at + 4, true))
  }

  /** Makes all times as much later as `now` is later than the body was made. @param now milliseconds since 1970 */
  moveTo(now: number): void {
    const { view, places, low, high } = this
    const nanoseconds = BigInt(Math.round(now - this.madeAt)) * 1_000_000n
    const addLow = Number(nanoseconds & 0xffffffffn)
    const addHigh = Number(nanoseconds >> 32n)
    for (let i = 0; i < places.length; i++) {
      const at = places[i] as number
      const sum = (low[i] as number) + addLow
      view.setUint32(at, sum >>> 0, true)
      view.setUint32(at + 4, (high[i] as number) + addHigh + (sum > 0xffffffff ? 1 : 0), true)
    }
  }
}
