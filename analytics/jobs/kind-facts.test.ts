import { expect, test } from 'vitest'
import type { Cell } from '../../schemas/cell.ts'
import { buildCatalogue } from '../../schemas/signals/catalogue.ts'
import type { Store } from '../../schemas/store/client.ts'
import type { SeriesComparison } from './compare-signals.ts'
import { kindFacts } from './kind-facts.ts'

const signal = buildCatalogue().signal('exceptions.rate')
const cells = (from: number, minutes: number, count: number, every = 1): Cell[] =>
  Array.from({ length: minutes }, (_, i) => i)
    .filter((i) => i % every === 0)
    .map((i) => ({ time: (from + i) * 60, count, bad: 0, sum: 0, sumSquares: 0, min: 0, max: 0 }))

function kind(dimension: string, before: Cell[], after: Cell[]): SeriesComparison {
  return {
    signal,
    dimension,
    comparison: { kind: 'undecidable', reason: 'no data', needs: '' },
    before: { cells: before, exposure: cells(0, 1440, 20) },
    after: { cells: after, exposure: cells(1440, 120, 20) },
    mix: null,
    design: 'before-after',
  }
}

test('kinds are new, back, gone, or as they were; a single rare event is not called gone', async () => {
  const asked: unknown[] = []
  const store = {
    query: async (_: string, params: unknown) => {
      asked.push(params)
      return [
        { measure: 'exception.log', dimension: 'seen a month ago' },
        { measure: 'exception.span_event', dimension: 'Declined: # · pay (cart.js) · 1-aaaa' },
      ]
    },
  } as unknown as Store
  const after = cells(1440, 120, 1, 4)
  const kinds = [
    kind('never seen', [], after),
    kind('seen a month ago', [], after),
    kind('Declined: # · charge (pay.js) · 2-bbbb', [], after),
    kind('Declined: # · charge (pay.js) · 1-cccc', [], after),
    kind('gone', cells(0, 1440, 1, 4), []),
    kind('as ever', cells(0, 1440, 1, 4), after),
    kind('one last week', cells(700, 1, 1), []),
  ]
  const facts = await kindFacts(store, kinds, { service: 'shop', environment: 'live' }, 7205, 0.01)
  expect(kinds.map((one) => facts.get(one) ?? null)).toEqual([
    'new',
    'resurfaced',
    // Another version's name for what says the same; of one version, other frames are another exception.
    'resurfaced',
    'new',
    'gone',
    null,
    null,
  ])
  expect(asked).toEqual([expect.objectContaining({ before: 7200 })])
})
