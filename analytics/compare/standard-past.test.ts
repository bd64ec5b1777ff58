import { expect, it } from 'vitest'
import type { Cell } from '../../schemas/cell.ts'
import { LN_GAMMA } from '../../schemas/histogram.ts'
import { standardPast } from './standard-past.ts'

const SLOT = 600
const TO = 10 * SLOT
/** Buckets of a fast and a slow route, and their logarithms. */
const [FAST, SLOW] = [-80, -40]
const logOf = (bucket: number) => (bucket - 0.5) * LN_GAMMA

/** @param counts by slot */
function past(bucket: number, counts: readonly number[]) {
  const denominator = Float64Array.from(counts)
  const numerator = denominator.map((count) => count * logOf(bucket))
  return { line: { numerator, denominator, start: 0, step: SLOT }, to: TO, slotSeconds: SLOT, logs: true }
}

/** @param counts by minute from the release on */
function later(bucket: number, counts: readonly number[]): Cell[] {
  return counts.flatMap((count, minute) =>
    count === 0
      ? []
      : [
          {
            time: TO + minute * 60,
            count,
            bad: 0,
            sum: 0,
            sumSquares: 0,
            min: 0,
            max: 0,
            histogram: new Map([[bucket, count]]),
          },
        ],
  )
}

it('has one composition in every slot before and after, that of the window after', () => {
  const fast = { past: past(FAST, [9, 5, 1, 0, 9, 9, 9, 9, 9, 9]), after: later(FAST, Array(25).fill(1)) }
  // Three of four requests after are slow, most of them in the second slot; before, a few are, and in some slots none.
  const slow = {
    past: past(SLOW, [0, 5, 9, 0, 1, 1, 1, 1, 1, 1]),
    after: later(SLOW, [...Array(10).fill(1), ...Array(10).fill(5), ...Array(5).fill(100)]),
  }
  const whole = standardPast([fast, slow], 60)
  const mixed = 0.25 * logOf(FAST) + 0.75 * logOf(SLOW)
  const levels = [...(whole?.line.numerator ?? [])].map(
    (sum, i) => sum / (whole?.line.denominator[i] as number),
  )
  expect(levels).toHaveLength(10)
  levels.forEach((level, i) => {
    // Of the fourth slot there is nothing.
    if (i === 3) expect(level).toBe(Number.POSITIVE_INFINITY * Math.sign(mixed))
    else expect(level).toBeCloseTo(mixed, 9)
  })
  // Five minutes are no whole slot.
  expect(whole?.after).toMatchObject({ start: TO, step: SLOT, denominator: new Float64Array([1, 1]) })
  for (const level of whole?.after?.numerator ?? []) expect(level).toBeCloseTo(mixed, 9)
})

it('is the same of a past in minutes, of which some have nothing', () => {
  const counts = Array.from({ length: 100 }, (_, minute) => (minute * 7) % 4)
  const line = (of: readonly number[], step: number) => ({
    numerator: Float64Array.from(of, (count, i) => count * logOf(FAST) + (count === 0 ? 0 : i % 3)),
    denominator: Float64Array.from(of),
    start: 0,
    step,
  })
  const minutes = line(counts, 60)
  const sumOf = (values: Float64Array) =>
    Float64Array.from({ length: 10 }, (_, slot) =>
      values.subarray(10 * slot, 10 * slot + 10).reduce((sum, value) => sum + value, 0),
    )
  const slots = {
    numerator: sumOf(minutes.numerator),
    denominator: sumOf(minutes.denominator),
    start: 0,
    step: SLOT,
  }
  const of = (own: typeof slots) =>
    standardPast(
      [
        {
          past: { line: own, to: TO, slotSeconds: SLOT, logs: true },
          after: later(FAST, Array(20).fill(9)),
        },
      ],
      60,
    )
  expect(of(minutes)).toEqual(of(slots))
  // What is empty at the beginning is no slot of its own.
  const late = {
    ...minutes,
    numerator: minutes.numerator.subarray(4),
    denominator: minutes.denominator.subarray(4),
    start: 240,
  }
  expect(of(late)?.line.start).toBe(0)
  expect(of(late)?.line.numerator.subarray(1)).toEqual(of(slots)?.line.numerator.subarray(1))
})

it('is not known where that of the traffic is not', () => {
  const known = { past: past(FAST, Array(10).fill(9)), after: later(FAST, Array(20).fill(90)) }
  const strange = (count: number) => ({ past: undefined, after: later(SLOW, Array(20).fill(count)) })
  expect(standardPast([known, strange(20)], 60)).toBe(undefined)
  expect(standardPast([known, strange(2)], 60)?.line.numerator[0]).toBeCloseTo(logOf(FAST), 9)
  expect(standardPast([strange(1)], 60)).toBe(undefined)
  expect(standardPast([{ ...known, after: later(FAST, [1, 1]) }], 60)).toBe(undefined)
})
