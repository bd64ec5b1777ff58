import { describe, expect, it } from 'vitest'
import { rollOutEnd } from './roll-out.ts'

const minutes = (shares: readonly number[]) => shares.map((share, i) => ({ time: i * 60_000, share }))

describe('the end of a roll-out', () => {
  it('is at once for a switch', () => {
    expect(rollOutEnd(minutes(Array(20).fill(1)))).toBe(0)
  })
  it('is where a ramp has come near to where it stays', () => {
    const ramp = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, ...Array(20).fill(1)]
    expect(rollOutEnd(minutes(ramp))).toBe(7 * 60_000)
  })
  it('is at once for a canary that stays at its share', () => {
    expect(rollOutEnd(minutes(Array(30).fill(0.1)))).toBe(0)
  })
  it('is not known without traffic', () => {
    expect(rollOutEnd([])).toBeUndefined()
    expect(rollOutEnd(minutes([0, 0]))).toBeUndefined()
  })
})
