import { expect, test } from 'vitest'
import { causeOf } from './match-releases.ts'

const releases = [
  { name: '1.1.0', index: 20 },
  { name: '1.2.0', index: 50 },
  { name: '1.3.0', index: 80 },
]
const deployed = { releases, environments: [], measured: 'deployed', length: 100 } as const

test('what runs changes with its release, and the day of the release is half old', () => {
  expect(causeOf({ earliest: 49, latest: 51 }, deployed)).toMatchObject({ kind: 'release', names: ['1.2.0'] })
  expect(causeOf({ earliest: 51, latest: 52 }, deployed)).toMatchObject({ kind: 'release', names: ['1.2.0'] })
  expect(causeOf({ earliest: 55, latest: 58 }, deployed)).toEqual({ kind: 'unexplained' })
})

test('a wide window names all that it holds, and how often chance would match as well', () => {
  const narrow = causeOf({ earliest: 50, latest: 50 }, deployed)
  const wide = causeOf({ earliest: 15, latest: 55 }, deployed)
  expect(wide).toMatchObject({ kind: 'release', names: ['1.1.0', '1.2.0'] })
  expect(narrow.kind === 'release' && narrow.byChance).toBeCloseTo(6 / 100)
  expect(wide.kind === 'release' && wide.byChance).toBe(1)
})

test('a known change of the environment explains what a release beside it does not', () => {
  const marks = { ...deployed, environments: [{ name: 'runtime 22', index: 48 }] }
  expect(causeOf({ earliest: 47, latest: 51 }, marks)).toEqual({ kind: 'environment', names: ['runtime 22'] })
})

test('over commits a change belongs to the release that ships it, not to the nearest', () => {
  const commits = { ...deployed, measured: 'commits' } as const
  // Two steps after 1.1.0, thirty before 1.2.0.
  expect(causeOf({ earliest: 22, latest: 23 }, commits)).toMatchObject({ kind: 'release', names: ['1.2.0'] })
  expect(causeOf({ earliest: 20, latest: 20 }, commits)).toMatchObject({ names: ['1.1.0'] })
  expect(causeOf({ earliest: 18, latest: 23 }, commits)).toMatchObject({ names: ['1.1.0', '1.2.0'] })
  expect(causeOf({ earliest: 90, latest: 91 }, commits)).toEqual({ kind: 'unexplained' })
  expect(causeOf({ earliest: 5, latest: 6 }, { ...commits, releases: [] })).toEqual({ kind: 'unexplained' })
})
