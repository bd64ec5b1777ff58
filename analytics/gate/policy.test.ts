import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { gateSchema, shadowSchema } from '../../schemas/gate.ts'
import { matchesAny } from './pattern.ts'
import { onTrial, policyFor, waitMinutesFor } from './policy.ts'

const checkout = { service: 'checkout', environment: 'production' }

describe('a policy', () => {
  it('blocks everything but healthy unless somebody said otherwise', () => {
    expect(new Set(Object.values(policyFor(gateSchema.parse({}), checkout)))).toEqual(new Set(['block']))
  })

  it('takes the settings, then the rules in order, then what the caller wants', () => {
    const settings = gateSchema.parse({
      policy: { noData: 'warn' },
      rules: [
        { environments: ['prod*'], policy: { inconclusive: 'warn', regressed: 'shadow' }, waitMinutes: 5 },
        { services: ['check*', 'cart'], policy: { inconclusive: 'shadow' } },
        { services: ['search'], policy: { noData: 'block' }, waitMinutes: 90 },
      ],
    })
    expect(policyFor(settings, checkout, { rolledBack: 'warn' })).toEqual({
      regressed: 'shadow',
      rolledBack: 'warn',
      inconclusive: 'shadow',
      superseded: 'block',
      noData: 'warn',
      watching: 'block',
    })
    expect(waitMinutesFor(settings, checkout)).toBe(5)
    expect(waitMinutesFor(settings, { ...checkout, environment: 'staging' })).toBe(30)
  })

  it('has signals on trial by service, environment and use', () => {
    const settings = shadowSchema.parse([
      { signals: ['memory.*'], from: ['gate'] },
      { signals: ['*'], environments: ['staging'] },
    ])
    expect(onTrial(settings, checkout, 'gate')('memory.heap')).toBe(true)
    expect(onTrial(settings, checkout, 'gate')('latency.server')).toBe(false)
    expect(onTrial(settings, checkout, 'page')('memory.heap')).toBe(false)
    expect(onTrial(settings, { ...checkout, environment: 'staging' }, 'page')('errors.server')).toBe(true)
  })
})

describe('a pattern', () => {
  it('means what a regular expression with .* would', () => {
    const part = fc.string({ unit: fc.constantFrom('a', 'b', '*', '.', '\n'), maxLength: 8 })
    fc.assert(
      fc.property(part, part, (pattern, text) => {
        const source = pattern
          .split('*')
          .map((piece) => piece.replaceAll('.', '\\.'))
          .join('[^]*')
        expect(matchesAny([pattern], text)).toBe(new RegExp(`^${source}$`).test(text))
      }),
      { numRuns: 2000 },
    )
  })
})
