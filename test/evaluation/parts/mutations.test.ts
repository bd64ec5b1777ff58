import { expect, it } from 'vitest'
import { mutationsOf } from './mutations.ts'

it('turns round what must turn round, and leaves what must not matter', () => {
  const rows = [1, 2, 3].flatMap(mutationsOf)
  expect(rows.filter((row) => row.broken > 0)).toEqual([])
  for (const mutation of new Set(rows.map((row) => row.mutation))) {
    const checked = rows.filter((row) => row.mutation === mutation).reduce((sum, row) => sum + row.checked, 0)
    expect(checked, mutation).toBeGreaterThan(5)
  }
})
