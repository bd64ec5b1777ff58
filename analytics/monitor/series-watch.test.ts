import { expect, it } from 'vitest'
import { poissonDraw } from '../stats/poisson-draw.ts'
import { seededRandom } from '../stats/random.ts'
import { burstsOf, type Counted, countEvidence, countReference } from './count-evidence.ts'
import { levelEvidence, levelReference } from './level-evidence.ts'
import { momentsOf, NOTHING, SeriesWatch, type Tally } from './series-watch.ts'

const START = 1_800_000_000 - (1_800_000_000 % 86_400)
const always = () => true

function minutes(count: number, mean: number, random: () => number): Counted[] {
  return Array.from({ length: count }, (_, i) => ({
    time: START + 60 * (i - count),
    events: poissonDraw(mean, random),
    exposure: 100,
  }))
}

function watchOf(before: readonly Counted[], direction: 'up' | 'down' | 'both'): SeriesWatch {
  const reference = countReference(before, 'count')
  if (reference === undefined) throw new Error('no exposure before')
  return new SeriesWatch({ kind: 'count', reference, direction }, momentsOf(START, 240))
}

it('has an expectation of at most 1 where nothing changes, with and without the old version beside', () => {
  const random = seededRandom(5)
  for (const beside of [false, true]) {
    const runs = 1500
    let sum = 0
    for (let run = 0; run < runs; run++) {
      const reference = countReference(minutes(240, 4, random), 'count')
      if (reference === undefined) throw new Error('no exposure before')
      const old = beside ? { events: poissonDraw(120, random), exposure: 3000 } : undefined
      sum += Math.exp(countEvidence(reference, poissonDraw(120, random), 3000, 'up', old))
    }
    // The largest values carry it: what is left out of 1 is the level's uncertainty, which these worlds do not have.
    expect(sum / runs).toBeLessThan(1)
  }
})

it('sees what begins with the release, and what begins hours later, and says when', () => {
  for (const from of [0, 180]) {
    const random = seededRandom(8)
    const watch = watchOf(minutes(1440, 4, random), 'up')
    for (let i = 0; i < 230; i++)
      watch.add(START + 60 * i, { ...NOTHING, value: poissonDraw(i < from ? 4 : 10, random), size: 100 })
    const { logE, since } = watch.standing(NOTHING, always)
    expect(logE).toBeGreaterThan(Math.log(1000))
    expect(Math.abs(since - (START + 60 * from))).toBeLessThanOrEqual(1800)
  }
})

it('puts nothing down to the release that the old version beside it has too', () => {
  const random = seededRandom(9)
  const alone = watchOf(minutes(1440, 4, random), 'up')
  const besides = watchOf(minutes(1440, 4, random), 'up')
  for (let i = 0; i < 60; i++) {
    const own = { value: poissonDraw(10, random), size: 100 }
    alone.add(START + 60 * i, { ...NOTHING, ...own })
    besides.add(START + 60 * i, { ...NOTHING, ...own, besideValue: poissonDraw(10, random), besideSize: 100 })
  }
  expect(alone.standing(NOTHING, always).logE).toBeGreaterThan(Math.log(100))
  expect(besides.standing(NOTHING, always).logE).toBeLessThan(Math.log(10))
})

it.each([
  ['a day', 1440],
  ['two hours', 120],
] as const)(
  'finds failures where there were none for %s, and puts none down to the release that the old version has too',
  (_, length) => {
    const before = Array.from({ length }, (__, i) => ({
      time: START + 60 * (i - length),
      events: 0,
      exposure: 25,
    }))
    const reference = countReference(before, 'share')
    if (reference === undefined) throw new Error('no exposure before')
    const needed = Math.log(100_000)
    // One of four fails.
    expect(countEvidence(reference, 50, 200, 'up')).toBeGreaterThan(needed)
    expect(countEvidence(reference, 50, 200, 'up', { events: 0, exposure: 200 })).toBeGreaterThan(needed)
    expect(countEvidence(reference, 50, 200, 'up', { events: 50, exposure: 200 })).toBeLessThan(0)
    // A burst of retries of one cause is no such thing.
    expect(countEvidence(reference, 6, 2000, 'up')).toBeLessThan(needed)
  },
)

it('does not hold an hour against the one minute in which the old version ended', () => {
  const earlier = Array.from({ length: 120 }, (_, i) => ({
    time: START + 60 * (i - 120),
    events: 12,
    exposure: 1200,
  }))
  const reference = countReference(earlier, 'share')
  if (reference === undefined) throw new Error('no exposure before')
  const watch = new SeriesWatch({ kind: 'count', reference, direction: 'up' }, momentsOf(START, 240))
  watch.add(START, { ...NOTHING, value: 10, size: 1000, besideValue: 8, besideSize: 200 })
  for (let i = 1; i < 60; i++) watch.add(START + 60 * i, { ...NOTHING, value: 12, size: 1200 })
  // Since the start, as no change that matters begins later.
  const { before, variance } = watch.standing(NOTHING, () => false)
  expect(before).toBeCloseTo(0.01, 3)
  expect(Math.sqrt(variance)).toBeLessThan(0.15)
})

it('finds within minutes what fails beside an old version that is sound, though hardly anything was before', () => {
  const reference = countReference([{ time: START - 60, events: 0, exposure: 25 }], 'share')
  if (reference === undefined) throw new Error('no exposure before')
  expect(countEvidence(reference, 34, 120, 'up', { events: 0, exposure: 120 })).toBeGreaterThan(Math.log(1e6))
  expect(countEvidence(reference, 34, 120, 'up', { events: 30, exposure: 120 })).toBeLessThan(1)
})

it('takes no new kind for one that came with the release if kinds come up as often by themselves', () => {
  const kind = (events: number) => {
    const byThemselves = { events, bursts: events / 4 }
    const reference = { exposure: 100_000, kinds: 5, byThemselves }
    const watch = new SeriesWatch({ kind: 'absent', reference, direction: 'up' }, momentsOf(START, 240))
    for (let i = 0; i < 100; i++) watch.add(START + 60 * i, { ...NOTHING, value: 1, size: 100, bursts: 0.25 })
    return watch.standing(NOTHING, always).logE
  }
  expect(kind(0)).toBeGreaterThan(Math.log(100_000))
  expect(kind(0.01)).toBeLessThan(Math.log(10))
})

it('pages for a new kind that comes many times as often as the worst that came up by itself', () => {
  const reference = { exposure: 144_000, kinds: 5, byThemselves: { events: 0.0015, bursts: 0.0015 / 4 } }
  const watch = new SeriesWatch({ kind: 'absent', reference, direction: 'up' }, momentsOf(START, 240))
  for (let i = 0; i < 15; i++)
    watch.add(START + 60 * i, { ...NOTHING, value: 5, size: 50, besideSize: 50, bursts: burstsOf(5) })
  expect(watch.standing(NOTHING, always).logE).toBeGreaterThan(Math.log(1000 / 0.075))
})

it('takes a kind that goes on for a while for more than one burst of as many', () => {
  const kind = (minutes: number) => {
    const reference = { exposure: 144_000, kinds: 5, byThemselves: { events: 0, bursts: 0 } }
    const watch = new SeriesWatch({ kind: 'absent', reference, direction: 'up' }, momentsOf(START, 240))
    for (let i = 0; i < 10; i++) {
      const value = i < minutes ? 24 / minutes : 0
      watch.add(START + 60 * i, { ...NOTHING, value, size: 50, besideSize: 50, bursts: burstsOf(value) })
    }
    return watch.standing(NOTHING, always).logE
  }
  // What a page needs of a new kind: a share of 0.075 of one false page in a thousand deployments.
  const page = Math.log(1000 / 0.075)
  expect(kind(10)).toBeGreaterThan(page)
  expect(kind(1)).toBeLessThan(kind(10) - Math.log(100))
})

it('reads a fall as worse only where falls are, and takes what is not complete as it would be complete', () => {
  const random = seededRandom(10)
  const before = minutes(1440, 4, random)
  const fallen: Tally = { ...NOTHING, value: 20, size: 2000 }
  for (const direction of ['up', 'down', 'both'] as const) {
    const partial = watchOf(before, direction).standing(fallen, always).logE
    const complete = watchOf(before, direction)
    complete.add(START, fallen)
    expect(complete.standing(NOTHING, always).logE).toBeCloseTo(partial, 10)
    if (direction === 'up') expect(partial).toBeLessThan(0)
    else expect(partial).toBeGreaterThan(Math.log(100))
  }
})

it('takes the season of a long time before for drift, since a look expects one level all day', () => {
  const random = seededRandom(11)
  const season = (i: number) => Math.exp(0.3 * Math.sin((2 * Math.PI * i) / 1440))
  const before = Array.from({ length: 7 * 1440 }, (_, i) => ({
    time: START + 60 * (i - 7 * 1440),
    events: poissonDraw(6 * season(i), random),
    exposure: 100,
  }))
  const watch = watchOf(before, 'up')
  // Six hours around the top of the day.
  for (let i = 0; i < 360; i++)
    watch.add(START + 60 * i, { ...NOTHING, value: poissonDraw(6 * season(180 + i), random), size: 100 })
  expect(watch.standing(NOTHING, always).logE).toBeLessThan(Math.log(100))
})

it('takes what moves over hours for drift and no dispersion, so that beside the old version a season costs no time', () => {
  const random = seededRandom(12)
  const season = (i: number) => Math.exp(0.3 * Math.sin((2 * Math.PI * i) / 1440))
  const before = Array.from({ length: 1440 }, (_, i) => ({
    time: START + 60 * (i - 1440),
    events: poissonDraw(10 * season(i), random),
    exposure: 100,
  }))
  expect(countReference(before, 'count')?.dispersion).toBeLessThan(1.5)
  expect(countReference(before, 'count')?.drift).toBeGreaterThan(0.15)
  const watch = watchOf(before, 'up')
  for (let i = 0; i < 20; i++)
    watch.add(START + 60 * i, {
      ...NOTHING,
      value: poissonDraw(20 * season(i), random),
      size: 100,
      besideValue: poissonDraw(10 * season(i), random),
      besideSize: 100,
    })
  expect(watch.standing(NOTHING, always).logE).toBeGreaterThan(Math.log(100))
})

it('sees nine queries in each request where there was exactly one, however many there are', () => {
  const minutes = Array.from({ length: 120 }, (_, i) => ({ time: 60 * i, events: 300, exposure: 300 }))
  const reference = countReference(minutes, 'count')
  if (reference === undefined) throw new Error('no reference')
  const evidence = [1, 10, 40, 400].map((n) => countEvidence(reference, 2700 * n, 300 * n, 'up'))
  for (const [at, one] of evidence.entries()) expect(one, `look ${at}`).toBeGreaterThan(50)
  expect(countEvidence(reference, 300 * 400, 300 * 400, 'up')).toBeLessThan(0)
})

it('sees a gauge move that had never moved', () => {
  const reference = levelReference(Array.from({ length: 120 }, (_, i) => ({ time: 60 * i, mean: 20 })))
  if (reference === undefined) throw new Error('no reference')
  expect(levelEvidence(reference, 40, 5, 'up')).toBeGreaterThan(20)
  expect(levelEvidence(reference, 20, 5, 'up')).toBeLessThan(0)
})
