import { expect, test } from 'vitest'
import { logAbsentEvidence } from './absent-before.ts'
import { sequenceHalfWidth } from './asymptotic-confidence-sequence.ts'
import { logCountEvidence } from './count-e-process.ts'
import { LOG_EFFECTS, LOG_WEIGHTS } from './effect-prior.ts'
import { logGamma } from './gamma.ts'
import { logMixture } from './log-mixture.ts'
import { logMeanEvidence } from './normal-e-process.ts'
import { tiltCost, tiltScore } from './quadratic-variance.ts'

/** Probabilities of a count with this mean and variance by mean: binomial, Poisson or negative binomial. */
function probabilities(mean: number, dispersion: number): number[] {
  const list: number[] = []
  const excess = dispersion - 1
  if (excess < 0) {
    const n = Math.round(mean / -excess)
    const p = mean / n
    for (let k = 0; k <= n; k++) {
      const choose = logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1)
      list.push(Math.exp(choose + k * Math.log(p) + (n - k) * Math.log1p(-p)))
    }
    return list
  }
  for (let k = 0; k < 4000; k++) {
    if (excess === 0) list.push(Math.exp(k * Math.log(mean) - mean - logGamma(k + 1)))
    else {
      const r = mean / excess
      const choose = logGamma(k + r) - logGamma(r) - logGamma(k + 1)
      list.push(Math.exp(choose - r * Math.log(dispersion) + k * Math.log(excess / dispersion)))
    }
  }
  return list
}

const expectation = (chances: readonly number[], of: (k: number) => number): number =>
  chances.reduce((sum, p, k) => (p < 1e-200 ? sum : sum + p * of(k)), 0)

test('a tilt has expectation 1 under its mean, for binomial, Poisson and negative binomial counts', () => {
  for (const [mean, dispersion] of [
    [6, 0.7],
    [3, 1],
    [4, 1.5],
    [10, 4],
  ] as const) {
    for (const factor of [0.3, 0.9, 1.2, 2, 3]) {
      const cost = tiltCost(factor, dispersion)
      const score = tiltScore(factor, dispersion, cost)
      const value = expectation(probabilities(mean, dispersion), (k) => Math.exp(score * k - cost * mean))
      expect(value).toBeCloseTo(1, 9)
    }
  }
})

test('the e-value of a count has expectation 1 at the edge of its null hypothesis and less below it', () => {
  for (const dispersion of [1, 2.5]) {
    const e = (k: number) =>
      Math.exp(logCountEvidence({ events: k, expected: 5, dispersion, drift: 0 }, true))
    // What is missing lies beyond the counts that are added up: the largest bets live from rare huge counts.
    expect(expectation(probabilities(5, dispersion), e)).toBeGreaterThan(0.98)
    expect(expectation(probabilities(5, dispersion), e)).toBeLessThanOrEqual(1 + 1e-9)
    expect(expectation(probabilities(4, dispersion), e)).toBeLessThan(0.85)
    // A dispersion that is an upper bound keeps the promise.
    expect(expectation(probabilities(5, 1), e)).toBeLessThanOrEqual(1 + 1e-9)
  }
})

test('with an uncertain baseline it has expectation 1 on average over the baselines', () => {
  const drift = 0.3
  for (const [expected, dispersion] of [
    [3, 1],
    [40, 1],
    [400, 3],
  ] as const) {
    const e = (k: number) => Math.exp(logCountEvidence({ events: k, expected, dispersion, drift }, true))
    let total = 0
    let weights = 0
    for (let z = -5; z <= 5; z += 0.1) {
      const factor = Math.exp(drift * z)
      const weight = Math.exp((-z * z) / 2)
      // The tilt keeps the shape of the count and moves its mean, and with it its dispersion.
      const cost = tiltCost(factor, dispersion)
      const score = tiltScore(factor, dispersion, cost)
      const chances = probabilities(expected, dispersion)
      total += weight * expectation(chances, (k) => Math.exp(score * k - cost * expected) * e(k))
      weights += weight
    }
    // Laplace's method is off by a few percent where there are few events.
    expect(total / weights).toBeLessThan(1.04)
    expect(total / weights).toBeGreaterThan(0.9)
  }
})

test('where the level is uncertain, more events of the same change take away little of what fewer have shown', () => {
  for (const ratio of [1.2, 1.22, 1.25, 1.28, 1.3, 1.4, 1.5, 1.75, 2, 3]) {
    for (const up of [true, false]) {
      const evidence = [300, 1e3, 3e3, 1e4, 1e5, 1e6].map((expected) => {
        const events = up ? expected * ratio : expected / ratio
        return logCountEvidence({ events, expected, dispersion: 1, drift: 0.055 }, up)
      })
      expect((evidence.at(-1) as number) - Math.max(...evidence), `${ratio} ${up}`).toBeGreaterThan(-2)
    }
  }
})

test('events of a kind that was absent before keep the promise at every rate, over before and after together', () => {
  for (const rate of [0.0005, 0.001, 0.01]) {
    const before = 1000
    const after = 30
    const absent = Math.exp(-rate * before)
    const value = expectation(probabilities(rate * after, 1), (k) =>
      Math.exp(logAbsentEvidence(k, after, before)),
    )
    expect(absent * value).toBeLessThanOrEqual(1)
  }
  // The exact p of 5 events in 30 minutes after none in 1000 is (30 / 1030)^5, its inverse 4.8e7.
  expect(Math.exp(logAbsentEvidence(5, 30, 1000))).toBeGreaterThan(1e6)
})

test('what others had meanwhile is held against the count: expectation 1 on average over levels, whatever they are', () => {
  const drift = Math.SQRT2
  const [expected, theirs] = [2, 4]
  let total = 0
  let weights = 0
  for (let z = -4; z <= 3; z += 0.1) {
    const factor = Math.exp(drift * z)
    const weight = Math.exp((-z * z) / 2)
    const own = probabilities(expected * factor, 1)
    const value = expectation(probabilities(theirs * factor, 1), (k) => {
      const beside = { events: k, expected: theirs }
      return expectation(own, (n) =>
        Math.exp(logCountEvidence({ events: n, expected, dispersion: 1, drift, beside }, true)),
      )
    })
    total += weight * value
    weights += weight
  }
  // Laplace's method is off by a tenth where there are hardly any events.
  expect(total / weights).toBeLessThan(1.1)
  expect(total / weights).toBeGreaterThan(0.5)
})

test('a kind that others have as well is not new, however little of it there was before', () => {
  const rate = 0.02
  const [after, beside] = [200, 100]
  const theirs = probabilities(rate * beside, 1)
  const own = probabilities(rate * after, 1)
  const given = (k: number) =>
    expectation(own, (n) => Math.exp(logAbsentEvidence(n, after, 1e5, { events: k, exposure: beside })))
  // As soon as they have one, what was before, with a rate of its own, does not count.
  const some = theirs.map((chance, k) => (k === 0 ? 0 : chance))
  expect(expectation(some, given)).toBeLessThanOrEqual(1)
  // That they have none counts as what was before does.
  expect(logAbsentEvidence(5, 100, 100, { events: 0, exposure: 900 })).toBeGreaterThan(
    logAbsentEvidence(5, 100, 100) + 3,
  )
})

test('a mean is tested with the error of its baseline', () => {
  const known = logMeanEvidence({ excess: 0.4, variance: 0.01, drift: 0 }, 1, true)
  const drifting = logMeanEvidence({ excess: 0.4, variance: 0.01, drift: 0.3 }, 1, true)
  expect(known).toBeGreaterThan(5)
  expect(drifting).toBeLessThan(1)
  expect(logMeanEvidence({ excess: 0.4, variance: 0.01, drift: 0 }, 1, false)).toBeLessThan(0)
})

test('mixtures have weights that add up to 1 and survive lost bets; the sequence is wider than a fixed interval', () => {
  expect(
    logMixture(
      LOG_EFFECTS.map(() => 0),
      LOG_WEIGHTS,
    ),
  ).toBeCloseTo(0, 12)
  expect(logMixture([Number.NEGATIVE_INFINITY, 0], [Math.log(0.5), Math.log(0.5)])).toBeCloseTo(
    Math.log(0.5),
    12,
  )
  // Robbins' boundary at its tightest is about 1.3 times as wide as a fixed 99 % interval.
  const ratio = sequenceHalfWidth(0.01, 0.3, 0.01) / (2.576 * 0.1)
  expect(ratio).toBeGreaterThan(1.2)
  expect(ratio).toBeLessThan(1.5)
})
