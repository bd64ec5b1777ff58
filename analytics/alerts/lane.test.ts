import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Alert } from '../../schemas/contracts/alert.ts'
import { backoff } from './backoff.ts'
import { collapse, nextItem } from './lane.ts'
import type { Notice } from './notice.ts'
import { newItem, type OutboxItem } from './outbox.ts'
import { dueNotices, type Told } from './plan.ts'
import { sampleNotice } from './sample-notice.ts'

const NOW = Date.parse('2026-03-01T12:00:00Z')

function item(
  subject: string,
  event: 'firing' | 'acknowledged' | 'resolved',
  at: number,
  changes: object = {},
): OutboxItem {
  const sample = sampleNotice(event, 'http://x.test', NOW) as Extract<Notice, { kind: 'alert' }>
  const alert = { ...sample.alert, id: subject, revision: at }
  return { ...newItem('r', { ...sample, id: `${subject}/${at}/${event}`, alert }, NOW + at), ...changes }
}

const queues = fc
  .array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('firing', 'acknowledged', 'resolved')), {
    maxLength: 12,
  })
  .map((entries) => entries.map(([subject, event], at) => item(subject, event as 'firing', at + 1)))

describe('a queue', () => {
  it('keeps the newest of each alert and its order, and every end', () => {
    fc.assert(
      fc.property(queues, (waiting) => {
        const { queue, changed } = collapse(waiting)
        const left = new Set(queue.map(({ id }) => id))
        const gone = changed.filter(({ state }) => state === 'superseded')
        expect(gone.length + queue.length).toBe(waiting.length)
        expect(queue.map(({ id }) => id)).toEqual(
          waiting.filter(({ id }) => left.has(id)).map(({ id }) => id),
        )
        for (const subject of ['a', 'b', 'c']) {
          const own = waiting.filter((one) => one.subject === subject)
          for (const end of own.filter(({ event }) => event === 'resolved')) expect(left).toContain(end.id)
          const firing = own.filter(({ event }) => event === 'firing').at(-1)
          if (firing !== undefined) expect(left).toContain(firing.id)
        }
        // Nothing more is left out the second time.
        expect(collapse(queue).queue.map(({ id }) => id)).toEqual(queue.map(({ id }) => id))
      }),
    )
  })

  it('leaves alone what may be under way elsewhere', () => {
    const waiting = [item('a', 'firing', 1, { claimed: 1 }), item('a', 'firing', 2)]
    expect(collapse(waiting).queue).toHaveLength(2)
  })

  it('sends the oldest first, waits with it, and lets nothing of the same alert overtake what fails', () => {
    const later = new Date(NOW + 60_000).toISOString()
    const a = item('a', 'firing', 1)
    const b = item('b', 'firing', 2)
    expect(nextItem([a, b], NOW + 5)).toBe(a)
    expect(nextItem([{ ...a, nextAt: later }, b], NOW + 5)).toBeUndefined()
    const deployment = { ...item('d', 'firing', 0), event: 'deployment' as const }
    expect(nextItem([deployment, a], NOW + 5)).toBe(a)
    expect(nextItem([{ ...deployment, nextAt: later }, a], NOW + 5)).toBe(a)
    expect(nextItem([deployment, { ...a, nextAt: later }], NOW + 5)).toBeUndefined()
    expect(nextItem([deployment], NOW + 5)).toBe(deployment)
    const failing = { ...a, nextAt: later, refusals: 9 }
    expect(nextItem([failing, b], NOW + 5)).toBe(b)
    expect(nextItem([failing, item('a', 'resolved', 3)], NOW + 5)).toBeUndefined()
    expect(nextItem([failing], NOW + 60_000)).toBe(failing)
  })
})

it('backs off up to two minutes, with chance in half of it', () => {
  const low = Array.from({ length: 10 }, (_, at) => backoff(at + 1, () => 0))
  expect(low).toEqual([2500, 5000, 10_000, 20_000, 40_000, ...Array(5).fill(60_000)])
  expect(backoff(1, () => 0.999)).toBeLessThanOrEqual(5000)
  expect(backoff(500, () => 0.999)).toBeLessThanOrEqual(120_000)
})

describe('what is due', () => {
  const options = { now: NOW, updateMinutes: 10, acknowledgeUrl: '' }
  const pager = { events: new Set(['firing', 'acknowledged', 'resolved'] as const), deduplicates: true }
  const sample = sampleNotice('firing', 'http://x.test', NOW) as Extract<Notice, { kind: 'alert' }>
  const alertThat = (changes: Partial<Alert>): Alert => ({
    ...sample.alert,
    deliveries: [],
    revision: 1,
    ...changes,
  })

  it('is told once of each change and never twice, whatever an alert goes through', () => {
    const steps = fc.array(
      fc.record({
        status: fc.constantFrom('firing' as const, 'resolved' as const),
        hold: fc.boolean(),
        taken: fc.boolean(),
      }),
      { maxLength: 12 },
    )
    fc.assert(
      fc.property(steps, (life) => {
        const told: Told[] = []
        for (const [at, { status, hold, taken }] of life.entries()) {
          const alert = alertThat({
            status,
            revision: at + 1,
            acknowledged: taken ? { by: 'Ada', at: '2026-03-01T12:00:00.000Z' } : null,
          })
          const permission = hold
            ? ({ kind: 'hold', why: '', until: null } as const)
            : ({ kind: 'send' } as const)
          const ask = () => dueNotices(alert, pager, told, permission, options)
          // The second time an acknowledgement that waited for its alert to be told; then there is nothing more to say.
          for (const _ of ['first', 'second'])
            told.push(...ask().map((notice) => ({ ...newItem('r', notice, NOW), state: 'sent' as const })))
          expect(ask()).toEqual([])
        }
        expect(new Set(told.map(({ id }) => id)).size).toBe(told.length)
        // Nobody hears of an end before a beginning, nor of two ends in a row.
        const ends = told.filter(({ event }) => event !== 'acknowledged').map(({ event }) => event)
        expect(ends.join(' ')).not.toMatch(/^resolved|resolved resolved/)
      }),
    )
  })
})
