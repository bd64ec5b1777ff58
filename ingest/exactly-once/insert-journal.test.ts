import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { InsertJournal, type JournaledInsert } from './insert-journal.ts'

const shape = { table: 'names', columns: ['name'] }
const parts = (...texts: string[]) => texts.map((text) => Buffer.from(text))
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'postflight-insert-journal-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const text = async (insert: Pick<JournaledInsert, 'read'>) =>
  Buffer.concat(await insert.read().toArray()).toString()

async function leftOver(): Promise<[token: string, rows: string][]> {
  const found: [string, string][] = []
  for await (const insert of new InsertJournal(folder).leftOver()) {
    expect(insert).toMatchObject(shape)
    found.push([insert.token, await text(insert)])
  }
  return found
}

it('leaves what is complete to the next process, and nothing of what is not', async () => {
  const journal = new InsertJournal(folder)
  const complete = await journal.open('a', shape)
  await complete.append(parts('one ', 'block, '))
  await complete.append(parts('and another'))
  expect(await leftOver()).toEqual([])
  const again = await journal.open('a', shape)
  await again.append(parts('one ', 'block, '))
  await again.append(parts('and another'))
  again.commit()
  const incomplete = await journal.open('b', shape)
  await incomplete.append(parts('half'))
  expect(await leftOver()).toEqual([['a', 'one block, and another']])
  expect(readdirSync(folder).filter((name) => name.endsWith('.part'))).toEqual([])
})

it('has the rows of an insert whose file another process has taken away', async () => {
  const journal = new InsertJournal(folder)
  const entry = await journal.open('a', shape)
  await entry.append(parts('rows'))
  entry.commit()
  for await (const insert of new InsertJournal(folder).leftOver()) {
    await journal.remove(insert)
    expect([await text(insert), await text(insert), await text(entry)]).toEqual(['rows', 'rows', 'rows'])
  }
  await entry.remove()
  expect(await leftOver()).toEqual([])
})

it('leaves a file alone that another process is writing, and takes those of dead ones away', async () => {
  const other = spawn('sleep', ['60'])
  const ofOther = join(folder, `a.0.native.${other.pid}.part`)
  writeFileSync(ofOther, 'rows')
  await leftOver()
  expect(readdirSync(folder)).toHaveLength(1)
  other.kill('SIGKILL')
  await once(other, 'exit')
  await leftOver()
  expect(readdirSync(folder)).toEqual([])
})
