import { expect, it } from 'vitest'
import { quantileSql } from './quantile-sql.ts'

it('refuses what is not a quantile', () => {
  for (const q of [-0.1, 1.1, 95, Number.NaN]) expect(() => quantileSql('h', q)).toThrow(RangeError)
})
