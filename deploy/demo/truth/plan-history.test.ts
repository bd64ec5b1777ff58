import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { DEFAULT_SEED, planHistory } from './plan-history.ts'
import { EFFECT_KINDS, truthSchema } from './truth.ts'

const SEEDS = Array.from({ length: 20 }, (_, i) => 1000 + i)

describe('what is planted', () => {
  it('is on file for the seed of the demonstration', () => {
    const file = JSON.parse(readFileSync(new URL('./seed-42.json', import.meta.url), 'utf8')) as unknown
    expect(truthSchema.parse(file)).toEqual(planHistory(DEFAULT_SEED))
  })

  it.each(SEEDS)('holds every kind of effect, each harm at least 1.5 times, with seed %i', (seed) => {
    const truth = truthSchema.parse(planHistory(seed))
    expect(new Set(truth.deployments.map((one) => one.effect.kind))).toEqual(new Set(EFFECT_KINDS))
    expect(truth.deployments.length).toBe(26)
    for (const { effect } of truth.deployments) {
      if (effect.expected === 'regressed' && effect.ratio !== null)
        expect(effect.ratio).toBeGreaterThanOrEqual(1.5)
    }
    const newest = truth.deployments.map((one) => one.minutesBeforeMidnight)
    expect(newest).toEqual([...newest].sort((a, b) => b - a))
  })

  it.each(SEEDS.slice(0, 10))('replaces what ran, and undoes each harm next, with seed %i', (seed) => {
    const truth = planHistory(seed)
    for (const [service, initial] of Object.entries(truth.initial)) {
      let running = initial
      let broken: string | undefined
      for (const { version, replaces, effect } of truth.deployments.filter(
        (one) => one.service === service,
      )) {
        expect(replaces).toBe(running)
        running = version
        if (broken !== undefined) expect([effect.kind, effect.dimension]).toEqual(['fix', broken])
        broken = effect.expected === 'regressed' ? effect.dimension : undefined
      }
    }
  })

  it('is as long as asked for: a short history keeps the newest releases', () => {
    const short = planHistory(DEFAULT_SEED, 14)
    const whole = planHistory(DEFAULT_SEED)
    expect(short.deployments.length).toBeGreaterThan(3)
    expect(whole.deployments.slice(-short.deployments.length)).toEqual(short.deployments)
  })
})
