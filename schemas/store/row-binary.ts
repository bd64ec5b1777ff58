type Value = string | Uint32Array<ArrayBuffer> | Float64Array<ArrayBuffer>

/**
 * Rows of ClickHouse's `RowBinaryWithNamesAndTypes`: texts, and lists of numbers as typed arrays. Columns of other types are to be cast in the statement.
 * @param body little-endian, as the engine writes it everywhere
 * @throws RangeError, TypeError where it is none, or was cut off
 */
export function readRowBinary(body: Buffer): Record<string, Value>[] {
  const reader = new Reader(body)
  const width = reader.length()
  const names = Array.from({ length: width }, () => reader.text())
  const types = Array.from({ length: width }, () => reader.text())
  const rows: Record<string, Value>[] = []
  while (!reader.ended) {
    rows.push(Object.fromEntries(names.map((name, i) => [name, reader.value(types[i] as string)])))
  }
  return rows
}

class Reader {
  readonly #body: Buffer
  #at = 0

  constructor(body: Buffer) {
    this.#body = body
  }

  get ended(): boolean {
    return this.#at >= this.#body.length
  }

  value(type: string): Value {
    switch (type) {
      case 'String':
      case 'LowCardinality(String)':
        return this.text()
      case 'Array(UInt32)':
        return new Uint32Array(this.#bytes(this.length() * 4))
      case 'Array(Float64)':
        return new Float64Array(this.#bytes(this.length() * 8))
      default:
        throw new TypeError(`A typed result has no columns of type ${type}`)
    }
  }

  text(): string {
    const length = this.length()
    const from = this.#take(length)
    return this.#body.toString('utf8', from, from + length)
  }

  /** LEB128. */
  length(): number {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = this.#body[this.#take(1)] as number
      value += (byte & 127) * 2 ** shift
      if (byte < 128) return value
    }
  }

  /** A copy, since lists begin at any byte and typed arrays do not. */
  #bytes(size: number): ArrayBuffer {
    const from = this.#take(size)
    const copy = new ArrayBuffer(size)
    new Uint8Array(copy).set(this.#body.subarray(from, from + size))
    return copy
  }

  #take(size: number): number {
    const from = this.#at
    if (from + size > this.#body.length) throw new RangeError('The result was cut off')
    this.#at += size
    return from
  }
}
