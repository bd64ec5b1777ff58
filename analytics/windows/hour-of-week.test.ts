import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hourOfWeek, sameClockDaysBefore } from './hour-of-week.ts'

describe('hours of the week', () => {
  it('are those of the clocks on the wall', () => {
    expect(hourOfWeek(Date.UTC(2026, 2, 2, 0), 'UTC')).toBe(0)
    expect(hourOfWeek(Date.UTC(2026, 2, 1, 23, 59), 'UTC')).toBe(167)
    // Berlin is one hour ahead in winter and two in summer.
    expect(hourOfWeek(Date.UTC(2026, 2, 2, 8), 'Europe/Berlin')).toBe(9)
    expect(hourOfWeek(Date.UTC(2026, 5, 1, 8), 'Europe/Berlin')).toBe(10)
  })

  it('stay the same on earlier days across a change of the clocks', () => {
    const monday = Date.UTC(2026, 2, 30, 7)
    expect(sameClockDaysBefore(monday, 1, 'Europe/Berlin')).toBe(Date.UTC(2026, 2, 29, 7))
    expect(sameClockDaysBefore(monday, 2, 'Europe/Berlin')).toBe(Date.UTC(2026, 2, 28, 8))
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 364 * 24 }),
        fc.integer({ min: 1, max: 14 }),
        fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata'),
        (hours, days, zone) => {
          const time = Date.UTC(2026, 0, 1) + hours * 3_600_000
          const earlier = sameClockDaysBefore(time, days, zone)
          expect(Math.abs(time - earlier - days * 86_400_000)).toBeLessThanOrEqual(3_600_000)
        },
      ),
    )
  })
})
