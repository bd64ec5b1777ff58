/** Rows of a Native block as plain objects: the slow and simple reader that tests compare the columns with. */
export function readBlock(bytes: Buffer): Record<string, unknown>[] {
  const reader = new Reader(bytes)
  const columnCount = reader.varint()
  const rowCount = reader.varint()
  const rows: Record<string, unknown>[] = Array.from({ length: rowCount }, () => ({}))
  for (let i = 0; i < columnCount; i++) {
    const name = reader.text()
    const type = reader.text()
    if (rowCount === 0) continue
    for (const _ of type.matchAll(/LowCardinality/g)) expectEqual(reader.uint64(), 1n)
    const values = column(reader, type, rowCount)
    for (const [row, value] of values.entries()) (rows[row] as Record<string, unknown>)[name] = value
  }
  expectEqual(reader.at, bytes.length)
  return rows
}

class Reader {
  at = 0
  readonly bytes: Buffer

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  varint(): number {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = this.bytes.readUInt8(this.at++)
      value += (byte & 127) * 2 ** shift
      if (byte < 128) return value
    }
  }

  text(): string {
    const size = this.varint()
    this.at += size
    if (this.at > this.bytes.length) throw new RangeError('text cut off')
    return this.bytes.toString('utf8', this.at - size, this.at)
  }

  uint64(): bigint {
    this.at += 8
    return this.bytes.readBigUInt64LE(this.at - 8)
  }
}

function column(reader: Reader, type: string, count: number): unknown[] {
  const array = /^Array\((.*)\)$/.exec(type)
  if (array !== null) return grouped(reader, count, (total) => column(reader, array[1] as string, total))
  const map = /^Map\((.*), (.*)\)$/.exec(type)
  if (map !== null) {
    const maps = grouped(reader, count, (total) => {
      const keys = column(reader, map[1] as string, total)
      const values = column(reader, map[2] as string, total)
      return keys.map((key, i) => [key, values[i]])
    })
    return maps.map((entries) => entries as [string, string][])
  }
  if (type === 'LowCardinality(String)') return lowCardinality(reader, count)
  return Array.from({ length: count }, () => scalar(reader, type))
}

function grouped(reader: Reader, count: number, read: (total: number) => unknown[]): unknown[][] {
  const ends = Array.from({ length: count }, () => Number(reader.uint64()))
  const values = read(ends.at(-1) ?? 0)
  return ends.map((end, i) => values.slice(ends[i - 1] ?? 0, end))
}

function lowCardinality(reader: Reader, count: number): unknown[] {
  if (count === 0) return []
  expectEqual(reader.uint64(), 0x602n)
  const keys = Array.from({ length: Number(reader.uint64()) }, () => reader.text())
  expectEqual(reader.uint64(), BigInt(count))
  return Array.from({ length: count }, () => keys[Number(scalar(reader, 'UInt32'))])
}

function scalar(reader: Reader, type: string): unknown {
  const { bytes } = reader
  const at = reader.at
  switch (type) {
    case 'String':
      return reader.text()
    case 'UInt8':
      reader.at += 1
      return bytes.readUInt8(at)
    case 'Bool':
      reader.at += 1
      return bytes.readUInt8(at) === 1
    case 'UInt32':
      reader.at += 4
      return bytes.readUInt32LE(at)
    case 'Int32':
      reader.at += 4
      return bytes.readInt32LE(at)
    case 'Float64':
      reader.at += 8
      return bytes.readDoubleLE(at)
    case 'UInt64':
    case 'DateTime64(9)':
    case 'DateTime64(3)':
      return reader.uint64()
    default:
      throw new TypeError(`no reader for ${type}`)
  }
}

function expectEqual(got: unknown, expected: unknown): void {
  if (got !== expected) throw new Error(`expected ${expected}, got ${got}`)
}
