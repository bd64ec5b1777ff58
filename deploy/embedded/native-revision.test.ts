import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { EngineSession } from './engine.ts'
import { NativeRevision } from './native-revision.ts'

const directory = mkdtempSync(join(tmpdir(), 'postflight-native-'))
let session: EngineSession

beforeAll(() => {
  session = new EngineSession(directory, ['--allow_suspicious_low_cardinality_types=1'])
})

afterAll(() => {
  session.close()
  rmSync(directory, { recursive: true, force: true })
})

const native = async (sql: string) => Buffer.from((await session.read(sql, 'Native')).bytes)

function convert(bytes: Buffer, revision: number, chunk: number): { out: Buffer; complete: boolean } {
  const converter = new NativeRevision(revision)
  const out: Buffer[] = []
  for (let at = 0; at < bytes.length; at += chunk) out.push(...converter.push(bytes.subarray(at, at + chunk)))
  return { out: Buffer.concat(out), complete: converter.complete }
}

test('a block gets its info, and each column tells that it is serialized as usual', async () => {
  const { out } = convert(await native("SELECT 7::UInt8 AS a, 'x' AS b"), 54_460, 1000)
  expect(out.toString('latin1')).toBe(
    '\x01\x00\x02\xff\xff\xff\xff\x00' + '\x02\x01' + '\x01a\x05UInt8\x00\x07' + '\x01b\x06String\x00\x01x',
  )
})

test('older revisions get the info only, or nothing', async () => {
  const bytes = await native('SELECT 7::UInt8 AS a')
  expect(convert(bytes, 54_000, 1000).out.length).toBe(bytes.length + 8)
  expect(convert(bytes, 50_000, 1000).out).toEqual(bytes)
})

const types = [
  'toUInt8(number)',
  'toInt256(number)',
  'toFloat32(number)',
  'number % 2 = 0',
  "toDateTime(number, 'Europe/Berlin')",
  "toDateTime64(number, 6, 'UTC')",
  'toDecimal64(number, 3)',
  'toDecimal128(number, 3)',
  'generateUUIDv4()',
  'toIPv6(toIPv4(toUInt32(number)))',
  "CAST(number % 2, 'Enum8(''a, (b'' = 0, ''c)'' = 1)')",
  'repeat(toString(number), number % 60)',
  "toFixedString('abc', 5)",
  'if(number % 3 = 0, NULL, toString(number))',
  'NULL',
  'range(number % 5)',
  'arrayMap(x -> range(x), range(number % 4))',
  "map('k', number, toString(number), 2)",
  "map('k', [number], 'l', [])",
  'tuple(number, toString(number))',
  "CAST((number, 'x'), 'Tuple(a UInt64, `b c` String)')",
  'toLowCardinality(toString(number % 300))',
  'toLowCardinality(if(number % 3 = 0, NULL, toString(number)))',
  'arrayMap(x -> toLowCardinality(toString(x)), range(number % 4))',
  "CAST(map('k', toString(number)), 'Map(LowCardinality(String), String)')",
  "CAST([], 'Array(LowCardinality(String))')",
  "CAST([(number, 'x')], 'Nested(a UInt64, b LowCardinality(String))')",
  'toIntervalDay(number)',
  "CAST((number, number), 'Point')",
]

test.each(types)('passes over %s, however the bytes are cut', async (expression) => {
  const sql = `SELECT 1::UInt8 AS before, ${expression} AS value, 'end' AS after FROM numbers(1000) SETTINGS max_block_size = 300`
  const bytes = await native(sql)
  const whole = convert(bytes, 54_460, bytes.length)
  expect(whole.complete).toBe(true)
  // Each block brings 8 bytes and each of its columns one; a wrong step would have met a nonsensical type.
  const added = whole.out.length - bytes.length
  expect(added % 11).toBe(0)
  expect(added).toBeGreaterThan(0)
  for (const chunk of [1, 7, 1000]) expect(convert(bytes, 54_460, chunk)).toEqual(whole)
})

test('a type whose end cannot be found is told, not garbled', async () => {
  const bytes = await native('SELECT sumState(number) AS s FROM numbers(3)')
  expect(() => convert(bytes, 54_460, 1000)).toThrow(/Code: 48.*AggregateFunction/)
})
