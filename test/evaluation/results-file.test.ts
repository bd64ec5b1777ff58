import { expect, test } from 'vitest'
import { withSection } from './results-file.ts'

const TEXT = '# Title\n\nWords.\n\n## A. One\n\nold\n\n## C. Three\n\nkept\n\n## Made series\n\nkept too\n'

test('a section takes the place of the one that the part had', () => {
  expect(withSection(TEXT, 'A. One', 'new')).toBe(TEXT.replace('old', 'new'))
})

test('a new section stands in the order of the letters, before sections without one', () => {
  const text = withSection(withSection(TEXT, 'B. Two', 'b'), 'D. Four', 'd')
  expect(text.match(/^## .*/gm)).toEqual([
    '## A. One',
    '## B. Two',
    '## C. Three',
    '## D. Four',
    '## Made series',
  ])
  expect(text).toContain('## B. Two\n\nb\n\n## C. Three\n\nkept\n')
})
