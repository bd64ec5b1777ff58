import { expect, it } from 'vitest'
import { toCsv } from './csv.ts'

it('quotes what needs it, leaves null empty, and defuses formulas', () => {
  const rows = [
    { version: '=HYPERLINK("x")', value: 1.5 },
    { version: 'a,"b"\nc', value: null },
    { version: '-1', value: -1 },
  ]
  expect(toCsv(rows, { version: (row) => row.version, value: (row) => row.value })).toBe(
    'version,value\r\n"\'=HYPERLINK(""x"")",1.5\r\n"a,""b""\nc",\r\n\'-1,-1\r\n',
  )
})
