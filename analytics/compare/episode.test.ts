import { expect, test } from 'vitest'
import type { Cell } from '../../schemas/cell.ts'
import { cellOfValues } from '../../schemas/cell-of-values.ts'
import { noisyLevel } from '../stats/noisy-level.ts'
import { normalDraw } from '../stats/normal-draw.ts'
import { poissonDraw } from '../stats/poisson-draw.ts'
import { seededRandom } from '../stats/random.ts'
import type { Comparison, Measured } from './comparison.ts'
import { compareDistribution } from './distribution.ts'
import { cellsOutside, type Episode, episodeOf, pastOutside, sharedEpisode } from './episode.ts'
import type { EpisodeSide } from './episode-line.ts'
import { compareGauge } from './gauge.ts'
import { compareRate } from './rate.ts'
import { compareRatio } from './ratio.ts'

const BEFORE = 1440
const AFTER = 115
const options = { smallestEffect: { ratio: 1.2, absolute: 0 }, bad: 'up' as const, alpha: 0.01 }

/** Level by minute of the window after, by that of the time before. */
type Shape = (minute: number) => number
const during =
  (from: number, to: number, size: number): Shape =>
  (minute) =>
    minute >= from && minute < to ? size : 1
const incident = during(30, 85, 2.5)
const step: Shape = () => 2
const atStart = during(0, 50, 2.5)
const stillOn = during(60, AFTER, 3)
const growing: Shape = (minute) => 1 + (2 * minute) / AFTER
const ofBoth: Shape = (minute) => (minute >= 30 && minute < 85 ? 5 : 2.5)

/** Both sides of a comparison: about forty requests a minute, whose level wanders a little. */
function sides(seed: number, shape: Shape): { before: EpisodeSide; after: EpisodeSide } {
  const random = seededRandom(seed)
  const wander = noisyLevel(random, BEFORE + AFTER, 0.8, 0)
  const cells = Array.from({ length: BEFORE + AFTER }, (_, minute): Cell => {
    const level = Math.exp(0.06 * (wander[minute] as number)) * (minute < BEFORE ? 1 : shape(minute - BEFORE))
    const count = poissonDraw(40, random)
    const values = Array.from({ length: count }, () => 0.1 * level * Math.exp(0.5 * normalDraw(random)))
    return cellOfValues(minute * 60, values, Math.min(count, poissonDraw(0.03 * count * level, random)))
  })
  const side = (own: readonly Cell[]): EpisodeSide => ({ cells: own, exposure: own })
  return { before: side(cells.slice(0, BEFORE)), after: side(cells.slice(BEFORE)) }
}

/** Of a rate: bad requests as events of their own. */
const events = ({ cells, exposure }: EpisodeSide): EpisodeSide => ({
  cells: cells.map((cell) => ({ ...cell, count: cell.bad })),
  exposure,
})

const ways = {
  ratio: {
    of: (side: EpisodeSide) => side,
    compare: (a: EpisodeSide, b: EpisodeSide) =>
      compareRatio({ ...options, before: a.cells, after: b.cells }),
  },
  rate: {
    of: events,
    compare: (a: EpisodeSide, b: EpisodeSide) =>
      compareRate({
        ...options,
        before: a.cells,
        after: b.cells,
        exposure: { before: a.exposure, after: b.exposure },
      }),
  },
  distribution: {
    of: (side: EpisodeSide) => side,
    compare: (a: EpisodeSide, b: EpisodeSide) =>
      compareDistribution({ ...options, before: a.cells, after: b.cells }),
  },
  gauge: {
    of: (side: EpisodeSide) => side,
    compare: (a: EpisodeSide, b: EpisodeSide) =>
      compareGauge({ ...options, before: a.cells, after: b.cells }),
  },
} as const

function measured(comparison: Comparison): Measured {
  if (comparison.kind !== 'measured') throw new Error(comparison.reason)
  return comparison
}

type Kind = keyof typeof ways

function found(kind: Kind, seed: number, shape: Shape): Episode | undefined {
  const { of, compare } = ways[kind]
  const { before, after } = sides(seed, shape)
  const [a, b] = [of(before), of(after)]
  return episodeOf(kind, measured(compare(a, b)), a, b, 60)
}

const kinds = Object.keys(ways) as Kind[]

test.each(kinds)(
  '%s: what came later than the release and went is found, and nothing is left without it',
  (kind) => {
    const episode = found(kind, 1, incident)
    if (episode === undefined) throw new Error('no episode')
    expect(Math.abs(episode.from / 60 - BEFORE - 30)).toBeLessThanOrEqual(3)
    expect(Math.abs(episode.to / 60 - BEFORE - 85)).toBeLessThanOrEqual(3)
    expect(episode.raised).toBe(true)
    expect(episode.ratio).toBeGreaterThan(1.8)
    expect(episode.ratio).toBeLessThan(3.5)
    const { of, compare } = ways[kind]
    const { before, after } = sides(1, incident)
    const rest = measured(
      compare(of(before), {
        cells: cellsOutside(of(after).cells, episode),
        exposure: cellsOutside(of(after).exposure, episode),
      }),
    )
    expect(measured(compare(of(before), of(after))).beyond).toBe('worse')
    expect(rest.beyond).toBe('no')
    expect(rest.interval[0]).toBeLessThan(1)
    expect(rest.interval[1]).toBeGreaterThan(1)
  },
)

test.each(kinds)('%s: what begins with the release, stays or grows is no episode', (kind) => {
  for (let seed = 1; seed <= 8; seed++) {
    for (const [name, shape] of Object.entries({ step, atStart, stillOn, growing }))
      expect([name, seed, found(kind, seed, shape)]).toEqual([name, seed, undefined])
  }
})

test.each(kinds)('%s: where the other minutes are worse, too, they are not back', (kind) => {
  expect(found(kind, 1, incident)?.isBack).toBe(true)
  expect(found(kind, 1, ofBoth)?.isBack).toBe(false)
})

test('what got better for a while is one, too', () => {
  const episode = found('distribution', 3, during(40, 90, 0.4))
  expect(episode).toMatchObject({ raised: false })
  expect(episode?.ratio).toBeLessThan(0.6)
})

test('a tail alone that came and went is found by its own quantile', () => {
  const tail = (side: EpisodeSide): EpisodeSide => ({
    ...side,
    cells: side.cells.map((cell) => {
      const minute = cell.time / 60 - BEFORE
      if (minute < 30 || minute >= 85) return cell
      const slow = Array.from({ length: 4 }, (_, i) => 1.2 + i / 10)
      const { histogram } = cellOfValues(cell.time, slow, 0)
      return { ...cell, histogram: new Map([...(cell.histogram ?? []), ...(histogram ?? [])]) }
    }),
  })
  const { before, after } = sides(4, () => 1)
  const comparison = measured(
    compareDistribution({ ...options, before: before.cells, after: tail(after).cells }),
  )
  expect(comparison.statistic).toMatch(/^p9[59]$/)
  const episode = episodeOf('distribution', comparison, before, tail(after), 60)
  expect(Math.abs((episode?.from ?? 0) / 60 - BEFORE - 30)).toBeLessThanOrEqual(3)
  // Of the values, not of the share above: slow ones were 1.2 s and more, the others' tail is about a quarter of a second.
  expect(episode?.ratio).toBeGreaterThan(3)
  expect(episode?.ratio).toBeLessThan(8)
})

test('of fifty releases that made it worse one at most loses minutes to an episode that was none', () => {
  for (const kind of kinds) {
    let claimed = 0
    for (let seed = 100; seed < 150; seed++) if (found(kind, seed, step) !== undefined) claimed += 1
    expect([kind, claimed]).toEqual([kind, Math.min(claimed, 1)])
  }
})

test('a past that brings its own window after has none of the minutes in it', () => {
  const line = { numerator: Float64Array.of(1, 2, 3, 4), denominator: Float64Array.of(1, 1, 1, 1) }
  const past = { line: { ...line, start: 0, step: 60 }, to: 240, slotSeconds: 60 }
  const episode = { from: 300, to: 420, raised: true, ratio: 2, isBack: true }
  expect(pastOutside(past, episode)).toBe(past)
  const cut = pastOutside({ ...past, after: { ...line, start: 240, step: 60 } }, episode)
  expect([...(cut.after?.numerator ?? [])]).toEqual([1, 0, 0, 4])
  expect([...(cut.after?.denominator ?? [])]).toEqual([1, 0, 0, 1])
})

test.each(kinds)('%s: what others show is told from less, and of the same minutes only', (kind) => {
  const { of, compare } = ways[kind]
  const shared = { from: (BEFORE + 30) * 60, to: (BEFORE + 85) * 60 }
  const told = (seed: number, shape: Shape, minutes = shared) => {
    const { before, after } = sides(seed, shape)
    const [a, b] = [of(before), of(after)]
    return sharedEpisode(kind, measured(compare(a, b)), b, 60, minutes)
  }
  let [alone, beside, wrong] = [0, 0, 0]
  for (let seed = 1; seed <= 12; seed++) {
    const weak = during(30, 85, kind === 'ratio' || kind === 'rate' ? 1.9 : 1.12)
    if (found(kind, seed, weak) !== undefined) alone += 1
    if (told(seed, weak) !== undefined) beside += 1
    for (const shape of [step, () => 1]) if (told(seed, shape) !== undefined) wrong += 1
  }
  expect(beside).toBeGreaterThan(alone)
  expect(wrong).toBeLessThanOrEqual(1)
  // At either end of the window nothing is set apart.
  expect(told(1, incident, { from: (BEFORE + 5) * 60, to: shared.to })).toBeUndefined()
  expect(told(1, incident, { from: shared.from, to: (BEFORE + AFTER - 5) * 60 })).toBeUndefined()
})
