/** Writes protobuf (wire format of proto3) into one growing buffer. Field numbers are opentelemetry-proto's. */
export class WireWriter {
  #bytes: Buffer
  length = 0

  constructor(capacity = 1 << 16) {
    this.#bytes = Buffer.allocUnsafe(capacity)
  }

  /** A view of what was written; valid until the next write. */
  get written(): Buffer {
    return this.#bytes.subarray(0, this.length)
  }

  clear(): void {
    this.length = 0
  }

  /** Makes room for `more` bytes. */
  reserve(more: number): void {
    const needed = this.length + more
    if (needed <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2))
    this.#bytes.copy(larger, 0, 0, this.length)
    this.#bytes = larger
  }

  /** @param value 0 to 2^31 */
  varint(value: number): void {
    this.reserve(5)
    let rest = value
    while (rest > 127) {
      this.#bytes[this.length++] = (rest & 127) | 128
      rest >>>= 7
    }
    this.#bytes[this.length++] = rest
  }

  bytes(value: Uint8Array): void {
    this.reserve(value.length)
    this.#bytes.set(value, this.length)
    this.length += value.length
  }

  /** A field of length-delimited kind. */
  block(field: number, value: Uint8Array): void {
    this.varint((field << 3) | 2)
    this.varint(value.length)
    this.bytes(value)
  }

  text(field: number, value: string): void {
    this.block(field, Buffer.from(value))
  }

  number(field: number, value: number): void {
    this.varint(field << 3)
    this.varint(value)
  }

  double(field: number, value: number): void {
    this.varint((field << 3) | 1)
    this.reserve(8)
    this.length = this.#bytes.writeDoubleLE(value, this.length)
  }

  /** A whole number as fixed64. @param value 0 to 2^53; what a double does not hold exactly is rounded */
  fixed64(field: number, value: number): void {
    this.varint((field << 3) | 1)
    this.#uint64(value)
  }

  /** `repeated double`, packed. */
  doubles(field: number, values: readonly number[]): void {
    this.varint((field << 3) | 2)
    this.varint(values.length * 8)
    this.reserve(values.length * 8)
    for (const value of values) this.length = this.#bytes.writeDoubleLE(value, this.length)
  }

  /** `repeated fixed64`, packed. @param values each 0 to 2^53 */
  fixed64s(field: number, values: readonly number[]): void {
    this.varint((field << 3) | 2)
    this.varint(values.length * 8)
    for (const value of values) this.#uint64(value)
  }

  #uint64(value: number): void {
    this.reserve(8)
    const whole = Math.round(value)
    this.#bytes.writeUInt32LE(whole % 4294967296, this.length)
    this.#bytes.writeUInt32LE(Math.floor(whole / 4294967296), this.length + 4)
    this.length += 8
  }

  /** A moment as fixed64 nanoseconds. @param milliseconds since 1970, with fractions */
  nanoseconds(field: number, milliseconds: number): void {
    this.varint((field << 3) | 1)
    this.reserve(8)
    // Nanoseconds since 1970 pass 2^53: multiplied in two halves, each of them exact.
    const whole = Math.floor(milliseconds)
    const fraction = Math.round((milliseconds - whole) * 1e6)
    const upper = Math.floor(whole / 65536) * 1e6
    const low = (upper % 65536) * 65536 + (whole % 65536) * 1e6 + fraction
    const carry = Math.floor(low / 4294967296)
    this.#bytes.writeUInt32LE(low - carry * 4294967296, this.length)
    this.#bytes.writeUInt32LE(Math.floor(upper / 65536) + carry, this.length + 4)
    this.length += 8
  }

  /** Random bytes, 4 at a time. @param size a multiple of 4 */
  randomBlock(field: number, size: number, uniform: () => number): void {
    this.varint((field << 3) | 2)
    this.varint(size)
    this.reserve(size)
    for (let i = 0; i < size; i += 4) {
      this.#bytes.writeUInt32LE(Math.floor(uniform() * 4294967296), this.length)
      this.length += 4
    }
  }
}

/** A message as bytes, built by `write`. */
export function encoded(write: (writer: WireWriter) => void): Buffer {
  const writer = new WireWriter(256)
  write(writer)
  return Buffer.from(writer.written)
}

/** `repeated KeyValue attributes` under a field number: whole numbers as int_value, others as double_value. */
export function encodedAttributes(
  field: number,
  attributes: Readonly<Record<string, string | number>>,
): Buffer {
  return encoded((all) => {
    for (const [key, value] of Object.entries(attributes)) {
      all.block(
        field,
        encoded((pair) => {
          pair.text(1, key)
          pair.block(
            2,
            encoded((any) => {
              if (typeof value === 'string') any.text(1, value)
              else if (Number.isInteger(value)) any.number(3, value)
              else any.double(4, value)
            }),
          )
        }),
      )
    }
  })
}
