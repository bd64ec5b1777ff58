import { describe, expect, it } from 'vitest'
import { alertsSchema } from '../../schemas/alerts.ts'
import { endOfWindow } from './weekly-window.ts'

const window = (entry: object) => {
  const [made] = alertsSchema.parse({ quietHours: [{ from: '22:00', to: '07:00', ...entry }] }).quietHours
  return made ?? expect.fail('no window')
}
const end = (entry: object, at: string) => {
  const found = endOfWindow(window(entry), Date.parse(at))
  return found === null ? null : new Date(found).toISOString()
}

describe('a window of the week', () => {
  it('goes over midnight, and has its start in it and its end not', () => {
    expect(end({}, '2026-03-04T21:59:59Z')).toBeNull()
    expect(end({}, '2026-03-04T22:00:00Z')).toBe('2026-03-05T07:00:00.000Z')
    expect(end({}, '2026-03-05T06:59:59Z')).toBe('2026-03-05T07:00:00.000Z')
    expect(end({}, '2026-03-05T07:00:00Z')).toBeNull()
  })

  it('begins on its days: Friday night is still Friday’s on Saturday morning', () => {
    const friday = { days: ['fri'] }
    expect(end(friday, '2026-03-06T23:00:00Z')).toBe('2026-03-07T07:00:00.000Z')
    expect(end(friday, '2026-03-07T03:00:00Z')).toBe('2026-03-07T07:00:00.000Z')
    expect(end(friday, '2026-03-07T23:00:00Z')).toBeNull()
    expect(end(friday, '2026-03-06T03:00:00Z')).toBeNull()
  })

  it('of whole days lasts from midnight to midnight', () => {
    const weekend = { days: ['sat', 'sun'], from: '00:00', to: '00:00' }
    expect(end(weekend, '2026-03-07T00:00:00Z')).toBe('2026-03-08T00:00:00.000Z')
    expect(end(weekend, '2026-03-08T23:59:00Z')).toBe('2026-03-09T00:00:00.000Z')
    expect(end(weekend, '2026-03-09T00:00:00Z')).toBeNull()
  })

  it('goes by the clock on the wall, also in the nights when clocks are changed', () => {
    const berlin = { timeZone: 'Europe/Berlin' }
    // Winter: an hour ahead; summer: two.
    expect(end(berlin, '2026-01-15T21:00:00Z')).toBe('2026-01-16T06:00:00.000Z')
    expect(end(berlin, '2026-07-15T20:00:00Z')).toBe('2026-07-16T05:00:00.000Z')
    // 29 March 2026: the hour from two to three is left out; 25 October: it comes twice.
    expect(end(berlin, '2026-03-28T22:00:00Z')).toBe('2026-03-29T05:00:00.000Z')
    expect(end(berlin, '2026-10-24T21:00:00Z')).toBe('2026-10-25T06:00:00.000Z')
    expect(end({ timeZone: 'Asia/Kathmandu' }, '2026-03-04T16:15:00Z')).toBe('2026-03-05T01:15:00.000Z')
  })
})
