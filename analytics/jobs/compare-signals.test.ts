import { expect, test } from 'vitest'
import type { Cell } from '../../schemas/cell.ts'
import { nameOfKind } from '../../schemas/exception-kind.ts'
import { buildCatalogue } from '../../schemas/signals/catalogue.ts'
import type { CellSet } from '../queries/series-set.ts'
import { VERDICT_DEFAULTS } from '../verdict.ts'
import { compareSignals } from './compare-signals.ts'
import { judge } from './verdicts.ts'

const signal = buildCatalogue().signal('exceptions.rate')
const cells = (from: number, count: number): Cell[] =>
  Array.from({ length: 120 }, (_, i) => ({
    time: (from + i) * 60,
    count,
    bad: 0,
    sum: 0,
    sumSquares: 0,
    min: 0,
    max: 0,
  }))

/** An arm of two hours; `kinds` come twice a minute each. */
function arm(from: number, kinds: readonly string[]) {
  const set: CellSet = new Map([
    ['server.request', new Map([['GET /', new Map([['1', cells(from, 100)]])]])],
    ['exception.span_event', new Map(kinds.map((kind) => [kind, new Map([['1', cells(from, 2)]])]))],
  ])
  return { set, versions: ['1'], from: from * 60, to: (from + 120) * 60 }
}

test('a new version of the fingerprints makes nothing new: renamed kinds are compared as a whole only, unknown types are still found', () => {
  const kind = (type: string, version: number) =>
    nameOfKind(`${type}: failed`, 'f (a.js)', version, `0${version}`)
  const before = arm(0, [kind('TypeError', 1), kind('Declined', 1)])
  const after = arm(1000, [kind('TypeError', 2), kind('Declined', 2), kind('Overflow', 2)])
  const compared = compareSignals([signal], before, after, {
    alpha: 0.01,
    design: 'before-after',
    stepSeconds: 60,
  })
  expect(compared.map(({ dimension }) => dimension).sort()).toEqual(['', kind('Overflow', 2)])
  const total = compared.find(({ dimension }) => dimension === '')
  const sum = (side: readonly Cell[] | undefined) => side?.reduce((all, cell) => all + cell.count, 0)
  expect([sum(total?.before.cells), sum(total?.after.cells)]).toEqual([480, 720])
})

test('what never was before has the interval of a difference, in its sentence too', () => {
  const after = arm(1000, [nameOfKind('Overflow: failed', 'f (a.js)', 1, '01')])
  const options = { alpha: 0.01, design: 'before-after', stepSeconds: 60 } as const
  const compared = compareSignals([signal], arm(0, []), after, options)
  const [verdict] = judge(compared, 'before_after', VERDICT_DEFAULTS).verdicts
  expect(verdict).toMatchObject({ word: 'regressed', effectRatio: null, intervalOf: 'difference' })
  expect(verdict?.summary).toMatch(/99 % interval (at least )?[\d.]+ per request/)
  expect(verdict?.summary).not.toMatch(/\dx/)
})
