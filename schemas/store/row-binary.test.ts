import { describe, expect, it } from 'vitest'
import { readRowBinary } from './row-binary.ts'

const text = (value: string) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)])

function header(...columns: readonly (readonly [name: string, type: string])[]): Buffer {
  return Buffer.concat([
    Buffer.from([columns.length]),
    ...columns.map(([name]) => text(name)),
    ...columns.map(([, type]) => text(type)),
  ])
}

describe('RowBinaryWithNamesAndTypes', () => {
  const body = Buffer.concat([
    header(['route', 'LowCardinality(String)'], ['slots', 'Array(UInt32)'], ['sums', 'Array(Float64)']),
    text('GET /'),
    Buffer.from([2, 1, 0, 0, 0, 0, 1, 0, 0]),
    Buffer.from([1]),
    Buffer.from(Float64Array.of(Number.NEGATIVE_INFINITY).buffer),
    text(''),
    Buffer.from([0, 0]),
  ])

  it('gives texts, and lists as typed arrays', () => {
    expect(readRowBinary(body)).toEqual([
      {
        route: 'GET /',
        slots: Uint32Array.of(1, 256),
        sums: Float64Array.of(Number.NEGATIVE_INFINITY),
      },
      { route: '', slots: new Uint32Array(0), sums: new Float64Array(0) },
    ])
  })

  it('knows lengths of more than one byte', () => {
    const long = Float64Array.from({ length: 300 }, (_, i) => i / 7)
    const list = Buffer.concat([
      header(['sums', 'Array(Float64)']),
      Buffer.from([0xac, 0x02]),
      Buffer.from(long.buffer),
    ])
    expect(readRowBinary(list)).toEqual([{ sums: long }])
  })

  it('refuses what was cut off, and types that it does not know', () => {
    expect(() => readRowBinary(body.subarray(0, body.length - 1))).toThrow(RangeError)
    expect(() => readRowBinary(Buffer.concat([header(['n', 'UInt8']), Buffer.from([1])]))).toThrow(TypeError)
  })
})
