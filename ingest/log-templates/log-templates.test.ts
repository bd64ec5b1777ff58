import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Drain, textOf } from './drain.ts'
import { LogTemplates, type StoredTemplate } from './log-templates.ts'
import { LineMask } from './mask.ts'
import { readsLikeError } from './reads-like-error.ts'

const mask = new LineMask()
function masked(text: string): string {
  const bytes = Buffer.from(text)
  mask.read(bytes, 0, bytes.length)
  return mask.text
}

describe('masks', () => {
  it.each([
    ['payment 4711 of 12.50 EUR failed', 'payment <num> of <num> EUR failed'],
    ['took 12ms on worker3, 1,234 left', 'took <num>ms on worker<num>, <num> left'],
    ['peer 10.0.0.1:5432 and 192.168.1.20 lost', 'peer <ip> and <ip> lost'],
    ['order 550e8400-e29b-41d4-a716-446655440000!', 'order <uuid>!'],
    ['trace 4bf92f3577b34da6a3ce929d0e0e4736 at 0x7fff', 'trace <hex> at <hex>'],
    ['session Ab3xK9qLmN2pQr7sTu gone', 'session <id> gone'],
    ['open /var/lib/a.db: no such file', 'open <path>: no such file'],
    ['GET https://shop/a?b=1 failed.', 'GET <url> failed.'],
    [`cannot read "it's 1" or 'x' of undefined, can't`, `cannot read <str> or <str> of undefined, can't`],
    ['user=alice id=5 done', 'user= alice id= <num> done'],
    ['\n  first line\nsecond line', 'first line'],
    ['2026-11-24T10:52:54.123Z up', '<num>-<num>-<num>T<num>:<num>:<num>Z up'],
    ['Zugriff für müller verweigert', 'Zugriff für müller verweigert'],
    ['feed decade facade', 'feed decade facade'],
    ['', ''],
  ])('%j is %j', (text, expected) => expect(masked(text)).toBe(expected))

  it('take any bytes, hold their bounds, and depend on the first line only', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 3_000 }), fc.string(), (line, rest) => {
        const text = masked(line)
        expect(mask.length).toBeLessThanOrEqual(1_424)
        expect(text.split(' ').length).toBeLessThanOrEqual(49)
        expect(/[\n\r\t]| {2}/.test(text)).toBe(false)
        if (/[\n\r]/.test(line) || text === '') return
        const { hash } = mask
        expect(masked(`${line}\n${rest}`)).toBe(text)
        expect(mask.hash).toBe(hash)
      }),
      { numRuns: 500 },
    )
  })
})

function groups(lines: readonly string[], options = {}): string[][] {
  const drain = new Drain(options)
  const found = new Map<object, string[]>()
  for (const line of lines) {
    const tokens = line.split(' ')
    const template = drain.match(tokens) ?? drain.add(line, tokens, 0)
    found.set(template, [...(found.get(template) ?? []), line])
  }
  return [...found.values()]
}

describe('Drain', () => {
  // Worked out by hand after section III of the paper, with depth 4 (two tokens lead to a leaf).
  const LINES = [
    'connection lost to alpha now', // the first: a template of its own
    'connection lost to beta now', // same length, same two tokens; 4 of 5 alike: joins, <*> for alpha
    'connection lost', // another length: another branch
    'connection refused by peer now', // second token differs: another leaf
    'connection lost x y z', // same leaf; alike with `connection lost to <*> now` are 2 of 5
    'connection lost to gamma later', // 3 of 5 with the first template
  ]

  it('groups as the paper has it, at a similarity of 0.5', () => {
    expect(groups(LINES, { similarity: 0.5 })).toEqual([
      [LINES[0], LINES[1], LINES[5]],
      [LINES[2]],
      [LINES[3]],
      [LINES[4]],
    ])
  })

  it('and at 0.4, where 2 of 5 tokens are enough', () => {
    expect(groups(LINES, { similarity: 0.4 })).toEqual([
      [LINES[0], LINES[1], LINES[4], LINES[5]],
      [LINES[2]],
      [LINES[3]],
    ])
  })

  it('puts a wildcard where the lines of a template differ', () => {
    const drain = new Drain({ similarity: 0.5 })
    const first = drain.add('a', (LINES[0] as string).split(' '), 0)
    drain.match((LINES[1] as string).split(' '))
    expect(textOf(first.tokens)).toBe('connection lost to <*> now')
    drain.match((LINES[5] as string).split(' '))
    expect(textOf(first.tokens)).toBe('connection lost to <*> <*>')
    expect(first.name).toBe('a')
  })

  it('lets masked tokens, and more tokens than a node has branches for, share a branch', () => {
    expect(groups(['<num> rows are left', '<hex> rows are left'])).toHaveLength(1)
    const lines = ['a', 'b', 'c', 'd', 'e'].map((word) => `${word} is the first word here`)
    // Two branches by word; c, d and e share the third, where 5 of 6 tokens are alike.
    expect(groups(lines, { maxChildren: 3 })).toEqual([[lines[0]], [lines[1]], lines.slice(2)])
  })

  const words = fc.constantFrom('user', 'order', 'failed', 'to', 'load', 'a', 'b', '<num>', '<str>')
  const line = fc.array(words, { minLength: 1, maxLength: 7 }).map((tokens) => tokens.join(' '))

  it('knows no more templates than it may, whatever comes', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ minLength: 1 }), { maxLength: 300 }), (lines) => {
        const drain = new Drain({ maxTemplates: 20, maxInLeaf: 5 })
        for (const text of lines) {
          const tokens = text.split(' ')
          const template = drain.match(tokens) ?? drain.add(text, tokens, 0)
          expect(template.known).toBe(true)
          expect(drain.size).toBeLessThanOrEqual(20)
        }
        expect([...drain.templates()]).toHaveLength(drain.size)
      }),
    )
  })

  it('gives every line a template that it fits, and never a younger one later', () => {
    fc.assert(
      fc.property(fc.array(line, { minLength: 1, maxLength: 80 }), (lines) => {
        const drain = new Drain()
        const first = lines.map((text, i) => {
          const tokens = text.split(' ')
          return drain.match(tokens) ?? drain.add(text, tokens, i)
        })
        for (const [i, text] of lines.entries()) {
          const tokens = text.split(' ')
          const before = [...drain.templates()].map(({ tokens: each }) => each)
          const again = drain.match(tokens)
          expect(again?.tokens.every((token, at) => token === tokens[at] || token === '<*>')).toBe(true)
          expect(again?.firstSeen).toBeLessThanOrEqual(first[i]?.firstSeen as number)
          // It fitted already, so nothing changed.
          expect([...drain.templates()].map(({ tokens: each }) => each)).toEqual(before)
        }
      }),
    )
  })

  it('after a restart gives every line the template that it would have had without one', () => {
    fc.assert(
      fc.property(fc.array(line, { minLength: 1, maxLength: 80 }), (lines) => {
        const before = new LogTemplates()
        const stored = new Map<string, StoredTemplate>()
        for (const text of lines) {
          const bytes = Buffer.from(text)
          before.templateOf(bytes, 0, bytes.length, 1_000)
          for (const { template, pattern } of before.takeChanges(1_000))
            stored.set(template.name, { name: template.name, pattern, firstSeen: template.firstSeen })
        }
        const after = new LogTemplates()
        after.restore([...stored.values()].reverse())
        const again = new LogTemplates()
        again.restore(stored.values())
        expect(after.size).toBe(before.size)
        for (const text of lines) {
          const bytes = Buffer.from(text)
          const template = after.templateOf(bytes, 0, bytes.length, 2_000)
          expect(template?.name).toBe(again.templateOf(bytes, 0, bytes.length, 2_000)?.name)
          expect(stored.has(template?.name as string)).toBe(true)
        }
        // Nothing was learnt: all had been.
        expect(after.size).toBe(before.size)
      }),
    )
  })
})

describe('log templates', () => {
  const read = (templates: LogTemplates, text: string, now = 0) => {
    const bytes = Buffer.from(text)
    return templates.templateOf(bytes, 0, bytes.length, now)
  }

  it('keep their name and id while they become more general', () => {
    const templates = new LogTemplates()
    const first = read(templates, 'login of user alice failed')
    const second = read(templates, 'login of user bob failed')
    expect(second).toBe(first)
    expect(first?.name).toBe('login of user alice failed')
    const [change] = templates.takeChanges(5)
    expect(change?.pattern).toBe('login of user <*> failed')
    expect(templates.takeChanges(5)).toEqual([])
  })

  it('have the same id in every process', () => {
    const ids = [new LogTemplates(), new LogTemplates()].map((templates) => {
      const template = read(templates, 'payment 17 declined')
      return [template?.idLow, template?.idHigh]
    })
    expect(ids[0]).toEqual(ids[1])
    expect(ids[0]?.[0]).not.toBe(read(new LogTemplates(), 'payment declined')?.idLow)
  })

  it('are told again after an hour, so that what was lost on its way comes back', () => {
    const templates = new LogTemplates()
    read(templates, 'a b', 0)
    expect(templates.takeChanges(0)).toHaveLength(1)
    read(templates, 'a b', 60_000)
    expect(templates.takeChanges(60_000)).toEqual([])
    read(templates, 'a b', 3_700_000)
    expect(templates.takeChanges(3_700_000)).toHaveLength(1)
  })

  it('are no more than a thousand new ones an hour; other lines are counted together', () => {
    const templates = new LogTemplates()
    const word = (i: number) =>
      i.toString(26).replaceAll(/\d/g, (digit) => 'qrstuvwxyz'[Number(digit)] as string)
    const names = Array.from(
      { length: 1_200 },
      (_, i) => read(templates, `${word(i)} ${word(i * 7)}`, 1)?.name,
    )
    expect(names.filter((name) => name === '<other>').length).toBeGreaterThan(0)
    expect(templates.size).toBeLessThanOrEqual(1_001)
    expect(read(templates, 'entirely something else', 3_600_001)?.name).toBe('entirely something else')
  })
})

it.each([
  ['TypeError: x is undefined', true],
  ['java.io.IOException', true],
  ['request FAILED', true],
  ['kernel panic', true],
  ['Warning: low disk', true],
  ['request finished in 3 ms', false],
  ['', false],
])('%j reads like an error: %s', (text, expected) => {
  const bytes = Buffer.from(text)
  expect(readsLikeError(bytes, 0, bytes.length)).toBe(expected)
})
