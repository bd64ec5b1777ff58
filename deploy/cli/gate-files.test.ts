import { describe, expect, it } from 'vitest'
import { gatesOfAllKinds } from '../../test/conformance/junit/gates.ts'
import { parseDuration } from './duration.ts'
import { gateJunit } from './gate-junit.ts'
import { gateMarkdown } from './gate-markdown.ts'
import { gateText } from './gate-text.ts'
import { parseRelease } from './release-name.ts'

const [failed, warned, passed, held] = gatesOfAllKinds()

describe('JUnit XML', () => {
  it('fails the decision and what blocks; what is on trial or only warned of is skipped', () => {
    const xml = gateJunit(failed as never, 'http://x')
    expect(xml).toContain('tests="5" failures="2" errors="0" skipped="2" time="61.500"')
    expect(gateJunit(warned as never, '')).toContain('failures="0" errors="0" skipped="4"')
    expect(gateJunit(passed as never, '')).toContain('tests="1" failures="0" errors="0" skipped="0"')
    expect(gateJunit(held as never, '')).toContain('<skipped message="waiting: ')
  })
})

describe('Markdown', () => {
  it('lets no name become a link, a mention, markup or a column', () => {
    const markdown = gateMarkdown(failed as never, 'http://postflight/r')
    const outsideOfCode = markdown.replaceAll(/(?<!\\)(`+)(?!`).*?[^`]\1(?!`)/g, '')
    expect(outsideOfCode).not.toMatch(/(?<!\\)\]\(http:\/\/evil/)
    expect(outsideOfCode).not.toMatch(/@(shop|team)/)
    expect(markdown).not.toContain('<script>')
    const rows = markdown.split('\n').filter((line) => line.startsWith('| '))
    for (const row of rows) expect(row.match(/(?<!\\)\|/g)).toHaveLength(7)
    expect(markdown).toContain('[The report](http://postflight/r)')
  })
})

it('the text of a terminal fits 80 columns', () => {
  for (const gate of gatesOfAllKinds())
    for (const line of gateText({ ...gate, version: '1' }, '', (_, text) => text).split('\n'))
      expect(line.length, line).toBeLessThanOrEqual(80)
})

it('a time has its unit', () => {
  expect(['30m', '90s', '1h30m', '0', '1.5h'].map((text) => parseDuration('--wait', text))).toEqual([
    30, 1.5, 90, 0, 90,
  ])
  for (const text of ['30', '', 'm', '30 m', '1h30', '-5m'])
    expect(() => parseDuration('--wait', text)).toThrow('--wait')
})

it('a release is named at its last @, or with its version apart', () => {
  expect(parseRelease('@shop/checkout@2.7.0')).toEqual({ service: '@shop/checkout', version: '2.7.0' })
  expect(parseRelease('checkout', 'release@7')).toEqual({ service: 'checkout', version: 'release@7' })
  expect(() => parseRelease('checkout')).toThrow('not a release')
})
