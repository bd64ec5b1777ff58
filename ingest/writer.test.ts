import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pino from 'pino'
import { afterAll, describe, expect, it } from 'vitest'
import { PostflightError } from '../schemas/errors.ts'
import type { Store } from '../schemas/store/client.ts'
import { InsertJournal } from './exactly-once/insert-journal.ts'
import type { Lane } from './lane.ts'
import { Block } from './native/block.ts'
import { StringColumn } from './native/column.ts'
import { Writer } from './writer.ts'
import { DEFAULT_WRITER_LIMITS, type WriterLimits } from './writer-limits.ts'

class NamesBlock extends Block {
  readonly name = new StringColumn('name')
  constructor() {
    const name = new StringColumn('name')
    super('names', [name])
    this.name = name
  }
}

interface Insert {
  bytes: Buffer
  token: string | undefined
}

function setUp(
  insert: (attempt: number) => Promise<void>,
  limits: Partial<WriterLimits> = {},
  journal?: Pick<InsertJournal, 'open'>,
) {
  const inserts: Insert[] = []
  const store: Pick<Store, 'insertNative'> = {
    async insertNative(table, columns, body, options) {
      expect([table, columns]).toEqual(['names', ['name']])
      expect(options?.settings).toMatchObject({ async_insert: 0, materialize_skip_indexes_on_insert: 0 })
      const parts = 'read' in body ? await body.read().toArray() : (body as Buffer[])
      inserts.push({ bytes: Buffer.concat(parts), token: options?.token })
      await insert(inserts.length)
    },
  }
  let tokens = 0
  const writer = new Writer({
    store,
    logger: pino({ level: 'silent' }),
    clock: Date.now,
    newToken: () => `token-${++tokens}`,
    limits: { ...DEFAULT_WRITER_LIMITS, ...limits },
    ...(journal === undefined ? {} : { journal }),
  })
  return { writer, lane: writer.lane(() => new NamesBlock()), inserts }
}

async function write(lane: Lane<NamesBlock>, ...names: string[]): Promise<void> {
  const block = lane.begin()
  for (const name of names) {
    block.name.data.pushString(name)
    block.rows++
  }
  await lane.commit()
}

function gate() {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open }
}

/** Rows that the bytes of a block announce. */
const rowsOf = (insert: Insert | undefined) => insert?.bytes[1]

/** Names in the blocks of an insert, each with as few rows as one byte can tell, of names as short. */
function namesOf({ bytes }: Insert): string[] {
  const names: string[] = []
  for (let at = 0; at < bytes.length; ) {
    const rows = bytes[at + 1] as number
    at += 2
    for (const _ of ['name', 'type']) at += 1 + (bytes[at] as number)
    for (let row = 0; row < rows; row++) {
      const size = bytes[at] as number
      names.push(bytes.toString('utf8', at + 1, at + 1 + size))
      at += 1 + size
    }
  }
  return names
}

const folder = mkdtempSync(join(tmpdir(), 'postflight-writer-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function newJournal(): InsertJournal {
  return new InsertJournal(mkdtempSync(join(folder, 'journal-')))
}

describe('a writer', () => {
  it('acknowledges only when ClickHouse has the rows', async () => {
    const { opened, open } = gate()
    const { lane } = setUp(() => opened)
    let done = false
    const written = write(lane, 'a').then(() => {
      done = true
    })
    await sleep(60)
    expect(done).toBe(false)
    open()
    await written
    expect(done).toBe(true)
  })

  it('puts the rows of requests that come while it inserts into one block', async () => {
    const { opened, open } = gate()
    const { lane, inserts } = setUp((attempt) => (attempt === 1 ? opened : Promise.resolve()))
    const first = write(lane, 'a')
    while (inserts.length === 0) await sleep(5)
    const others = [write(lane, 'b'), write(lane, 'c', 'd'), write(lane, 'e')]
    open()
    await Promise.all([first, ...others])
    expect(inserts.map(rowsOf)).toEqual([1, 4])
    expect(new Set(inserts.map(({ token }) => token)).size).toBe(2)
  })

  it('sends at once what has reached the limit of rows', async () => {
    const { lane, inserts } = setUp(async () => {}, { maxRows: 3, minWait: 60_000, maxWait: 60_000 })
    await write(lane, 'a', 'b', 'c')
    expect(inserts.map(rowsOf)).toEqual([3])
  })

  it('waits longer for more after a large block than after a small one', async () => {
    const limits = { minWait: 1, maxWait: 10_000, largeBytes: 1_000, maxRows: 1_000_000 }
    const waited = async (size: number) => {
      const { lane, inserts } = setUp((attempt) => sleep(attempt === 1 ? 600 : 0), limits)
      await write(lane, 'x'.repeat(size))
      const begun = performance.now()
      const written = write(lane, 'y')
      while (inserts.length < 2) await sleep(5)
      const milliseconds = performance.now() - begun
      await written
      return milliseconds
    }
    // A fourth of the largest block and more: as long as its insert took.
    expect(await waited(1_500)).toBeGreaterThan(550)
    expect(await waited(100)).toBeLessThan(500)
  })

  it('gathers one block while the other is inserted, however few senders there are', async () => {
    const { lane, inserts } = setUp(() => sleep(20), { minWait: 300, maxWait: 300, largeBytes: 1_000 })
    const sender = async () => {
      for (let i = 0; i < 10; i++) await write(lane, 'x'.repeat(1_000))
    }
    await Promise.all([sender(), sender(), sender(), sender()])
    expect(inserts.slice(3, 16).map(rowsOf)).toEqual(Array(13).fill(2))
  })

  it('goes on while an insert that is done is taken out of the journal, and is closed once it is', async () => {
    const { opened, open } = gate()
    const journal = newJournal()
    const { writer, lane, inserts } = setUp(
      async () => {},
      {},
      {
        open: async (...about) => Object.assign(await journal.open(...about), { remove: () => opened }),
      },
    )
    await write(lane, 'a')
    await write(lane, 'b')
    expect(inserts).toHaveLength(2)
    let closed = false
    const closing = writer.close().then(() => {
      closed = true
    })
    await sleep(20)
    expect(closed).toBe(false)
    open()
    await closing
  })

  it('brings a large batch to the journal block by block, and holds little of it', async () => {
    const limits = { blockBytes: 100, minWait: 200, maxWait: 200, maxHeldBytes: 1_000 }
    const { writer, lane, inserts } = setUp(async () => {}, limits, newJournal())
    const names = Array.from({ length: 200 }, (_, i) => `name ${i} ${'x'.repeat(20)}`)
    const written: Promise<void>[] = []
    for (const name of names) {
      writer.admit(100)
      written.push(write(lane, name))
      await sleep(1)
    }
    await Promise.all(written)
    expect(inserts.length).toBeLessThan(5)
    expect(inserts[0]?.bytes.length).toBeGreaterThan(1_000)
    expect(inserts.flatMap(namesOf)).toEqual(names)
    await writer.close()
    expect(writer.pendingBytes).toBe(0)
  })

  it('writes what the journal could not take again, and takes nothing in when that becomes too much', async () => {
    const journal = newJournal()
    let full = true
    const noSpace = () => {
      if (full) throw new PostflightError('JOURNAL_UNWRITABLE', 'the disk is full')
    }
    const limits = { blockBytes: 100, minWait: 10, maxWait: 10, maxHeldBytes: 1_000 }
    const { writer, lane, inserts } = setUp(async () => {}, limits, {
      async open(...about) {
        noSpace()
        const entry = await journal.open(...about)
        const append = entry.append.bind(entry)
        return Object.assign(entry, {
          async append(block: readonly Buffer[]) {
            await append(full ? block.slice(0, -1) : block)
            noSpace()
          },
        })
      },
    })
    const names: string[] = []
    const written: Promise<void>[] = []
    await expect(
      (async () => {
        for (let i = 0; i < 100; i++) {
          writer.admit(100)
          names.push(`name ${i} ${'x'.repeat(20)}`)
          written.push(write(lane, names.at(-1) as string))
          await sleep(1)
        }
      })(),
    ).rejects.toMatchObject({ code: 'OVERLOADED' })
    expect(inserts).toEqual([])
    full = false
    await Promise.all(written)
    expect(inserts.flatMap(namesOf)).toEqual(names)
    writer.admit(100)
  })

  it('leaves out what was undone, and keeps what others wrote before', async () => {
    const { lane, inserts } = setUp(async () => {})
    const kept = write(lane, 'a')
    const block = lane.begin()
    block.name.data.pushString('gone')
    block.rows++
    lane.undo()
    await kept
    expect(rowsOf(inserts[0])).toBe(1)
    expect(inserts[0]?.bytes.includes('gone')).toBe(false)
  })

  it('does not wait for a request that brought no rows', async () => {
    const { lane, inserts } = setUp(async () => {})
    lane.begin()
    await lane.commit()
    expect(inserts).toEqual([])
  })

  it('repeats an insert with the same token while the failure may pass', async () => {
    const { lane, inserts } = setUp(async (attempt) => {
      if (attempt < 3) throw new PostflightError('STORE_UNREACHABLE', 'gone')
    })
    await write(lane, 'a')
    expect(inserts.map(({ token }) => token)).toEqual(['token-1', 'token-1', 'token-1'])
    expect(inserts[2]?.bytes.equals(inserts[0]?.bytes as Buffer)).toBe(true)
  })

  it('gives up after its time, and takes new rows afterwards', async () => {
    const { lane } = setUp(
      async (attempt) => {
        if (attempt < 4)
          throw new PostflightError('STORE_FAILED', 'full', { details: { clickhouseCode: '243' } })
      },
      { retryFor: 50 },
    )
    await expect(write(lane, 'a')).rejects.toMatchObject({ code: 'STORE_FAILED' })
    let taken = false
    for (let i = 0; i < 5 && !taken; i++)
      taken = await write(lane, 'b').then(
        () => true,
        () => false,
      )
    expect(taken).toBe(true)
  })

  it('does not repeat what will not pass', async () => {
    const { lane, inserts } = setUp(async () => {
      throw new PostflightError('STORE_FAILED', 'no such table', { details: { clickhouseCode: '60' } })
    })
    await expect(write(lane, 'a')).rejects.toMatchObject({ code: 'STORE_FAILED' })
    expect(inserts.length).toBe(1)
  })

  it('admits no more than its limit of bytes, until they are inserted', async () => {
    const { opened, open } = gate()
    const { writer, lane } = setUp(() => opened, { maxPendingBytes: 1_000 })
    writer.admit(1_000)
    const written = write(lane, 'x'.repeat(900))
    expect(writer.pendingBytes).toBeGreaterThanOrEqual(900)
    expect(() => writer.admit(200)).toThrow(expect.objectContaining({ code: 'OVERLOADED' }))
    open()
    await written
    await sleep(0)
    expect(writer.pendingBytes).toBe(0)
    writer.admit(1_000)
  })

  it('has everything inserted when it is closed, and then admits nothing', async () => {
    const { writer, lane, inserts } = setUp(() => sleep(20), { minWait: 60_000, maxWait: 60_000 })
    const written = write(lane, 'a')
    await writer.close()
    await written
    expect(inserts.map(rowsOf)).toEqual([1])
    expect(() => writer.admit(0)).toThrow(expect.objectContaining({ code: 'OVERLOADED' }))
  })
})
