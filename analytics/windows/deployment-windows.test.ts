import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { configSchema } from '../../schemas/config.ts'
import { deploymentWindows, type WindowInput, windowSettings } from './deployment-windows.ts'

const MINUTE = 60_000
const START = Date.UTC(2026, 0, 1, 12)

const inputs: fc.Arbitrary<WindowInput> = fc
  .record({
    start: fc.integer({ min: 0, max: 10 * MINUTE }),
    previous: fc.option(fc.integer({ min: 1, max: 3000 * MINUTE }), { nil: undefined }),
    next: fc.option(fc.integer({ min: 1, max: 300 * MINUTE }), { nil: undefined }),
    rollout: fc.option(fc.integer({ min: 0, max: 200 * MINUTE }), { nil: undefined }),
    watermark: fc.integer({ min: -10 * MINUTE, max: 400 * MINUTE }),
    settings: fc.record({
      watchMinutes: fc.integer({ min: 1, max: 240 }),
      beforeMinutes: fc.integer({ min: 1, max: 2880 }),
      warmUpMinutes: fc.integer({ min: 0, max: 30 }),
      latenessSeconds: fc.integer({ min: 0, max: 600 }),
    }),
  })
  .map(({ start, previous, next, rollout, watermark, settings }) => {
    const startedAt = START + start
    return {
      startedAt,
      previousStartedAt: previous === undefined ? undefined : startedAt - previous,
      nextStartedAt: next === undefined ? undefined : startedAt + next,
      rolloutEnd: rollout === undefined ? undefined : startedAt + rollout,
      watermark: startedAt + watermark,
      settings,
    }
  })

describe('deployment windows', () => {
  it('follow each other without gap or overlap, inside the watch window', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const windows = deploymentWindows(input)
        const order = [windows.before, windows.rollout, windows.warmUp, windows.after].filter(
          (w) => w !== null,
        )
        for (const [i, window] of order.entries()) {
          expect(window.to).toBeGreaterThanOrEqual(window.from)
          const following = order[i + 1]
          if (following !== undefined) expect(following.from).toBe(window.to)
          expect(window.from % MINUTE).toBe(0)
        }
        expect(windows.after.to).toBeLessThanOrEqual(Math.max(windows.watchEnd, windows.after.from))
        expect(windows.before.to).toBeLessThanOrEqual(input.startedAt)
        expect(windows.before.to - windows.before.from).toBeLessThanOrEqual(
          input.settings.beforeMinutes * MINUTE,
        )
      }),
    )
  })

  it('never reach into the next deployment or past complete data', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const windows = deploymentWindows(input)
        const start = windows.before.to
        if (input.nextStartedAt !== undefined) {
          expect(windows.after.to).toBeLessThanOrEqual(Math.max(start, input.nextStartedAt))
          expect(windows.superseded).toBe(windows.watchEnd < start + input.settings.watchMinutes * MINUTE)
        }
        if (windows.after.to > windows.after.from)
          expect(windows.after.to).toBeLessThanOrEqual(input.watermark)
        expect(windows.closed).toBe(input.watermark >= windows.watchEnd)
        expect(windows.finalAt - windows.watchEnd).toBe(input.settings.latenessSeconds * 1000)
      }),
    )
  })

  it('only grow as data become complete', () => {
    fc.assert(
      fc.property(inputs, fc.integer({ min: 0, max: 100 * MINUTE }), (input, later) => {
        const now = deploymentWindows(input)
        const then = deploymentWindows({ ...input, watermark: input.watermark + later })
        expect(then.after.from).toBe(now.after.from)
        expect(then.after.to).toBeGreaterThanOrEqual(now.after.to)
        expect(then.watchEnd).toBe(now.watchEnd)
      }),
    )
  })

  it('leave out the start of the deployment before', () => {
    const settings = { watchMinutes: 60, beforeMinutes: 1440, warmUpMinutes: 5, latenessSeconds: 90 }
    const at = (previous: number) =>
      deploymentWindows({
        startedAt: START,
        previousStartedAt: START - previous * MINUTE,
        nextStartedAt: undefined,
        rolloutEnd: undefined,
        watermark: START,
        settings,
      }).before.from
    expect(at(120)).toBe(START - 114 * MINUTE)
    // Nothing would be left: older minutes are read then.
    expect(at(10)).toBe(START - 1440 * MINUTE)
    expect(at(5000)).toBe(START - 1440 * MINUTE)
  })

  it('may be set for an environment', () => {
    const { analysis } = configSchema.parse({ analysis: { environments: { live: { watchMinutes: 10 } } } })
    expect(windowSettings(analysis, 'live')).toMatchObject({ watchMinutes: 10, beforeMinutes: 1440 })
    expect(windowSettings(analysis, 'prod').watchMinutes).toBe(120)
  })
})
