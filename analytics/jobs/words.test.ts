import { describe, expect, it } from 'vitest'
import { nameOfKind } from '../../schemas/exception-kind.ts'
import type { Signal } from '../../schemas/signals/signal.ts'
import { comparedLevels, difference, factor, phrase, quantity, range } from './words.ts'

describe('a quantity', () => {
  it.each([
    [5, '{row}', '5 rows'],
    [1, '{row}', '1 row'],
    [3, '{entry}', '3 entries'],
    [2.5, '{call}/s', '2.5 calls/s'],
    [0.05, 's/s', '0.05 s/s'],
    [0.3, '{call}/{request}', '0.3 per request'],
    [12, '{request}/min', '12 a minute'],
    [7, '', '7'],
  ])('%s %s is %s', (value, unit, text) => {
    expect(quantity(value, unit)).toBe(text)
  })
})

it('a difference of shares is in percentage points, others are in their unit', () => {
  expect(difference(0.0424, '1')).toBe('4.24 pp')
  expect(difference(-0.004, 's')).toBe('-4 ms')
})

it('a change from zero has no factor', () => {
  const change = {
    dimension: 'POST /orders',
    statistic: 'ratio',
    before: 0,
    after: 0.246,
    ratio: 52,
    fact: null,
  }
  const signal = (id: string) => ({ id, title: 'Deadlocks', kind: 'ratio', unit: '1' }) as Signal
  expect(phrase({ ...change, signal: signal('errors.server') })).toBe(
    'POST /orders fails, up from none (0 % -> 24.6 %)',
  )
  expect(phrase({ ...change, signal: signal('db.deadlocks') })).toBe(
    'Deadlocks of POST /orders up from none (0 % -> 24.6 %)',
  )
})

it('an exception is told without the fingerprint that only programs need', () => {
  const change = {
    statistic: 'mean',
    before: 0,
    after: 0.04,
    ratio: Number.POSITIVE_INFINITY,
    fact: 'new',
  } as const
  const signal = {
    id: 'exceptions.rate',
    kind: 'rate',
    unit: '{exception}/{request}',
    dimension: 'exception',
  } as Signal
  const of = (dimension: string) => phrase({ ...change, signal, dimension })
  expect(of(nameOfKind('TypeError: cannot read #', 'priceCart (cart.js)', 1, '9f86d08188'))).toBe(
    'new exception TypeError: cannot read # in priceCart (cart.js) (0.04 per request)',
  )
  expect(of(nameOfKind('TypeError: cannot read #', '', 1, '9f86d08188'))).toBe(
    'new exception TypeError: cannot read # (0.04 per request)',
  )
  expect(of('Timeout')).toBe('new exception Timeout (0.04 per request)')
})

describe('an interval', () => {
  it.each([
    [[1.4, 3.2], '1.4x to 3.2x'],
    [[13.8, null], 'at least 13.8x'],
    [[13.8, 52_000], 'at least 13.8x'],
    [[0, 0.198], 'at most 0.198x'],
    [[0.00000507, 667_000_000], 'not known yet'],
    [[null, null], 'not known yet'],
  ] as const)('%s is %s', (bounds, text) => {
    expect(range(bounds, 'ratio', factor)).toBe(text)
  })

  it('of differences keeps bounds of any size', () => {
    expect(range([0, 5000], 'difference', (bound) => quantity(bound, '{row}'))).toBe('0 rows to 5000 rows')
  })
})

describe('compared levels', () => {
  const sides = { before: { value: 0.156 }, after: { value: 0.15 } }

  it('are those of the statistic that the effect is of', () => {
    const compared = { statistic: 'p50', before: 0.00977, after: 0.0213 }
    expect(comparedLevels({ ...sides, compared })).toEqual({ of: 'p50', before: 0.00977, after: 0.0213 })
    expect(comparedLevels({ ...sides, compared: { ...compared, statistic: 'geometric mean' } }).of).toBe(
      'mean',
    )
    expect(comparedLevels({ ...sides, compared: { ...compared, statistic: 'rate' } }).of).toBe('')
  })

  it('are the values of both sides in reports that are older or measured nothing', () => {
    const values = { of: '', before: 0.156, after: 0.15 }
    expect(comparedLevels(sides)).toEqual(values)
    expect(comparedLevels({ ...sides, compared: null })).toEqual(values)
  })
})
