import { expect, test } from 'vitest'
import { EXIT, exitCodeOfReport } from './exit-codes.ts'

test.each([
  ['a report that cannot tell yet, while an alert fires', 'watching', null, true, EXIT.regressed],
  ['the same, as the watch has it', 'watching', 'regressed', true, EXIT.regressed],
  ['an alert that is put down to something else', 'watching', 'watching', true, EXIT.undecided],
  ['no alert', 'watching', 'watching', false, EXIT.undecided],
  ['an alert of a release that its report calls healthy', 'healthy', 'regressed', true, EXIT.regressed],
  ['a rolled back release', 'rolled_back', 'rolled_back', true, EXIT.regressed],
  ['a healthy release', 'healthy', 'watching', false, EXIT.healthy],
] as const)('%s', (_, state, watched, fires, code) => {
  const watch = watched === null ? null : { state: watched }
  expect(exitCodeOfReport(state, { watch }, fires)).toBe(code)
})
