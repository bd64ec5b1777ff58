import { describe, expect, it } from 'vitest'
import { configSchema } from '../../schemas/config.ts'
import type { Deployment } from '../../schemas/contracts/deployment.ts'
import { dueReports, watermarkOf } from './scheduler.ts'
import type { ReportMark } from './stored-reports.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const NOW = Date.UTC(2026, 5, 1, 12)
const LATE = 90_000
/** Of the deployment's own start, where none is named. */
type Mark = Omit<ReportMark, 'startedAt'> & Partial<ReportMark>

describe('up to when data are complete', () => {
  it('is now, but for what may be late, while telemetry comes', () => {
    expect(watermarkOf(NOW - MINUTE, 0, LATE, NOW)).toBe(NOW - LATE)
  })
  it('is an hour short of the newest while the past is being loaded', () => {
    expect(watermarkOf(NOW - 20 * 24 * HOUR, 0, LATE, NOW)).toBe(NOW - 20 * 24 * HOUR - HOUR)
  })
  it('is now again once nothing more comes', () => {
    expect(watermarkOf(NOW - 20 * 24 * HOUR, 2 * MINUTE, LATE, NOW)).toBe(NOW - LATE)
  })
})

describe('which deployments are reported on', () => {
  const config = configSchema.parse({})
  const deployment = (
    id: string,
    startedAt: number,
    status: Deployment['status'] = 'succeeded',
  ): Deployment => ({
    id,
    service: 'checkout',
    environment: 'live',
    version: id,
    previousVersion: null,
    startedAt: new Date(startedAt).toISOString(),
    finishedAt: null,
    source: 'discovered',
    status,
    attributes: {},
  })
  const due = (
    deployments: readonly Deployment[],
    marks: readonly (readonly [string, Mark])[],
    watermark = NOW - LATE,
    changed: readonly string[] = [],
    versions: ReadonlyMap<string, { readonly first: number; readonly last: number }> = new Map(),
  ) =>
    dueReports({
      deployments,
      marks: new Map(
        marks.map(([id, mark]) => {
          const startedAt = Date.parse(deployments.find((one) => one.id === id)?.startedAt ?? '')
          return [id, { startedAt, ...mark }]
        }),
      ),
      freshness: new Map([['["checkout","live"]', { watermark, versions }]]),
      config,
      now: NOW,
      changed: new Set(changed),
    }).map((item) => item.deployment.id)
  const final: Mark = { state: 'healthy', provisional: false, computedAt: NOW - HOUR }
  const provisional: Mark = { state: 'watching', provisional: true, computedAt: NOW - MINUTE }

  it('a new one at once, a watched one again, a final one never', () => {
    const list = [deployment('a', NOW - 8 * HOUR), deployment('b', NOW - HOUR), deployment('c', NOW - MINUTE)]
    expect(
      due(list, [
        ['a', final],
        ['b', provisional],
      ]),
    ).toEqual(['b', 'c'])
  })
  it('a final one without data again once its version has some in its time, every ten minutes', () => {
    const list = [deployment('a', NOW - 8 * HOUR)]
    const empty = (computedAt: number): Mark => ({ state: 'no_data', provisional: false, computedAt })
    const again = (computedAt: number, first: number, last: number) =>
      due(list, [['a', empty(computedAt)]], NOW - LATE, [], new Map([['a', { first, last }]]))
    expect(again(NOW - HOUR, NOW - 8 * HOUR, NOW - 7 * HOUR)).toEqual(['a'])
    expect(again(NOW - 5 * MINUTE, NOW - 8 * HOUR, NOW - 7 * HOUR)).toEqual([])
    // What came before it was deployed is not its own.
    expect(again(NOW - HOUR, NOW - 10 * HOUR, NOW - 9 * HOUR)).toEqual([])
    expect(due(list, [['a', empty(NOW - HOUR)]])).toEqual([])
  })
  it('a final one again when it was rolled back or moved', () => {
    const list = [deployment('a', NOW - 8 * HOUR, 'rolled_back'), deployment('b', NOW - 5 * HOUR)]
    expect(
      due(list, [
        ['a', final],
        ['b', final],
      ]),
    ).toEqual(['a'])
    expect(
      due(
        list,
        [
          ['a', final],
          ['b', final],
        ],
        NOW - LATE,
        ['b'],
      ),
    ).toEqual(['a', 'b'])
  })
  it('a final one again when another start was told of since', () => {
    const list = [deployment('a', NOW - 80 * HOUR)]
    expect(due(list, [['a', { ...final, startedAt: NOW - 8 * HOUR }]])).toEqual(['a'])
  })
  it('the past only when it is complete, oldest first', () => {
    const start = NOW - 20 * 24 * HOUR
    const list = [
      deployment('a', start),
      deployment('b', start + 24 * HOUR),
      deployment('c', start + 48 * HOUR),
    ]
    expect(due(list, [], start + 30 * HOUR)).toEqual(['a', 'b'])
  })
})
