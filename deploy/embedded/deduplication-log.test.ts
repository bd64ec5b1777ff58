import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { forgetCutOffInserts } from './deduplication-log.ts'

const TABLE = 'f9aebdf3-0c74-415b-b7d7-927481a0c182'
const folders: string[] = []

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

/** An engine's directory with one table. @param logs the log's files, the oldest first, or by number */
function engine(logs: readonly string[] | Record<number, string>, parts: readonly string[]) {
  const directory = mkdtempSync(join(tmpdir(), 'postflight-deduplication-'))
  folders.push(directory)
  const folder = join(directory, 'store', TABLE.slice(0, 3), TABLE)
  const file = (number: number) => join(folder, 'deduplication_logs', `deduplication_log_${number}.txt`)
  mkdirSync(join(folder, 'deduplication_logs'), { recursive: true })
  mkdirSync(join(folder, 'detached'))
  writeFileSync(join(folder, 'format_version.txt'), '1')
  const numbered = Array.isArray(logs) ? Object.fromEntries(logs.map((text, i) => [i + 1, text])) : logs
  for (const [number, text] of Object.entries(numbered)) writeFileSync(file(Number(number)), text)
  const add = (part: string) => mkdirSync(join(folder, part))
  for (const part of parts) add(part)
  const mended = async () => {
    const cutOff = await forgetCutOffInserts(directory)
    for (const { table } of cutOff) expect(table).toBe(TABLE)
    return cutOff.map(({ part }) => part)
  }
  return { mended, add, log: (number = 1) => readFileSync(file(number), 'utf8') }
}

const added = (part: string, id = `${part}-id`) => `1\t${part}\t${id}\n`
const dropped = (part: string, id = `${part}-id`) => `2\t${part}\t${id}\n`

test('the part that was added last is forgotten if it is not there', async () => {
  const { mended, log } = engine(
    [added('202611_1_1_0') + added('202611_2_2_0')],
    ['202611_1_1_0', 'tmp_insert_202611_2_2_0', 'tmp_merge_202611_1_2_1'],
  )
  expect(await mended()).toEqual(['202611_2_2_0'])
  expect(log()).toBe(added('202611_1_1_0') + dropped('202611_2_2_0'))
  expect(await mended()).toEqual([])
})

test.each([
  ['itself', '202611_3_3_1'],
  ['one that it was merged into', '202611_1_7_2'],
  ['one that was changed since', '202611_3_3_1_9'],
  ['one that it was merged into, changed since', '202611_3_4_2_9'],
])('a part that is there is known: %s', async (_, part) => {
  const text = added('202611_2_2_1') + added('202611_3_3_1')
  const { mended, log } = engine([text], [part])
  expect(await mended()).toEqual([])
  expect(log()).toBe(text)
})

test.each([
  '202610_1_7_2',
  '202611_1_2_1',
  '202611_4_7_1',
  'tmp_insert_202611_3_3_1',
  'delete_tmp_202611_3_3_1',
  '202611_30_30_1',
])('another part is not taken for it: %s', async (part) => {
  const { mended, log } = engine([added('202611_3_3_1')], [part])
  expect(await mended()).toEqual(['202611_3_3_1'])
  expect(log()).toBe(dropped('202611_3_3_1'))
})

test('parts that are gone from before stay known: a kill cannot have left those', async () => {
  const text = added('20261001_1_1_0') + added('20261127_2_2_0')
  const { mended, log } = engine([text], ['20261127_2_2_0'])
  expect(await mended()).toEqual([])
  expect(log()).toBe(text)
})

test('the last line may be followed by those of dropped parts, and by a new file', async () => {
  const first = added('all_1_1_0') + added('all_2_2_0') + dropped('all_1_1_0')
  const { mended, log } = engine({ 9: first, 10: '' }, [])
  expect(await mended()).toEqual(['all_2_2_0'])
  expect(log(9)).toBe(added('all_1_1_0') + dropped('all_2_2_0') + dropped('all_1_1_0'))
  expect(log(10)).toBe('')
})

test('what the engine has dropped itself is no damage', async () => {
  const first = added('all_1_1_0') + added('all_2_2_0')
  const last = dropped('all_1_1_0') + dropped('all_2_2_0')
  const { mended, log } = engine([first, last], [])
  expect(await mended()).toEqual([])
  expect(log() + log(2)).toBe(first + last)
})

test('only what was added last counts, also over several files', async () => {
  const text = added('all_1_1_0')
  const { mended, log } = engine({ 2: text, 10: added('all_2_2_0') }, ['all_2_2_0'])
  expect(await mended()).toEqual([])
  expect(log(2)).toBe(text)
})

test('all blocks of a part are forgotten with it', async () => {
  const last = (line: typeof added) => line('all_2_2_0', 'a') + line('all_2_2_0', 'b')
  const { mended, log } = engine([added('all_1_1_0') + last(added)], [])
  expect(await mended()).toEqual(['all_2_2_0'])
  expect(log()).toBe(added('all_1_1_0') + last(dropped))
})

test('a torn last line goes, for the engine would append to it', async () => {
  const whole = added('all_1_1_0')
  for (const torn of ['1', '1\tall_2_2', '1\tall_2_2_0\tall_1682404', added('all_2_2_0').trimEnd()]) {
    const { mended, log } = engine([whole + torn], ['all_1_1_0'])
    expect(await mended()).toEqual([undefined])
    expect(log()).toBe(whole)
  }
  const { mended, log } = engine(['1\tall_1'], [])
  expect(await mended()).toEqual([undefined])
  expect(log()).toBe('')
})

test('names that are no part’s are left alone, as are tables without a log and a new directory', async () => {
  const text = added('a_part_of_the_future')
  const { mended, log } = engine([text], [])
  expect(await mended()).toEqual([])
  expect(log()).toBe(text)
  expect(await engine([''], []).mended()).toEqual([])
  expect(await engine([], []).mended()).toEqual([])
  const directory = mkdtempSync(join(tmpdir(), 'postflight-deduplication-'))
  folders.push(directory)
  expect(await forgetCutOffInserts(directory)).toEqual([])
})

test('what another process is about to store is left alone', async () => {
  const text = added('all_1_1_0')
  const { mended, add, log } = engine([text], [])
  const mending = mended()
  await sleep(20)
  add('all_1_1_0')
  expect(await mending).toEqual([])
  expect(log()).toBe(text)
})
