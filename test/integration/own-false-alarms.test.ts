import { afterAll, beforeAll, expect, it } from 'vitest'
import { updateNulls } from '../../analytics/baselines/nulls.ts'
import { ownFalseAlarms } from '../../analytics/baselines/own-false-alarms.ts'
import { loadPasts, slotLength } from '../../analytics/baselines/past.ts'
import { compareSignals } from '../../analytics/jobs/compare-signals.ts'
import { watchPlan } from '../../analytics/plan/watch-plan.ts'
import { loadCells } from '../../analytics/queries/cells.ts'
import { type Bench, openBench } from './report-fixture.ts'

const HOUR = 3600
const DAY = 24 * HOUR
/** Milliseconds: the retention of rollups is of the real time. */
const UNTIL = Math.floor(Date.now() / 86_400_000) * 86_400_000
const OF = { service: 'steady', environment: 'prod' }
const SIGNAL = 'container.cpu'
const LATENCY = 'latency.server'
const DAYS = 12

let bench: Bench
beforeAll(async () => {
  bench = await openBench({ analysis: { beforeMinutes: 240, watchMinutes: 60 } })
  const { measures } = bench.catalogue.signal(SIGNAL)
  const params = { from: UNTIL / 1000 - DAYS * DAY, minutes: DAYS * 1440 }
  const columns =
    '(time, service, environment, version, instance, measure, dimension, traffic, count, bad, sum, sum_squares, min, max, histogram)'
  // A gauge with a season, and requests whose latency has one, minute by minute; one version all the time.
  await bench.store.command(
    `INSERT INTO signal_1m ${columns} SELECT toDateTime({from:UInt32} + 60 * number) AS time, 'steady', 'prod', '1', 'i', {measure:String}, '', 'users', 4, 0,
      4 * exp(0.2 * sin(2 * pi() * number / 1440) + 0.05 * (cityHash64(number, 1) % 1000 / 1000. - 0.5)), 0, 0, 0, map() FROM numbers({minutes:UInt64})`,
    { ...params, measure: measures[0] },
  )
  await bench.store.command(
    `INSERT INTO signal_1m ${columns} SELECT toDateTime({from:UInt32} + 60 * number) AS time, 'steady', 'prod', '1', 'i', 'server.request', '', 'users',
      200 + cityHash64(number, 2) % 40 AS count, 0, 20, 2, 0.1, 0.1,
      map(toInt16(-60 + round(5 * sin(2 * pi() * number / 1440))), toUInt64(150 + cityHash64(number, 3) % 20), toInt16(-30), toUInt64(count - 150 - cityHash64(number, 3) % 20))
    FROM numbers({minutes:UInt64})`,
    params,
  )
})
afterAll(() => bench?.close())

it('has quiet moments judged', async () => {
  expect(await updateNulls(bench.store, bench.catalogue, bench.config, OF, UNTIL, 4)).toBe(4)
})

it.each([SIGNAL, LATENCY])(
  "%s: by the very forecast that a report makes, and says so in the service's own rate",
  async (signal) => {
    const rows = await bench.store.query<{ at: number; forecast: number | null; reach: number | null }>(
      `SELECT toUnixTimestamp(time) AS at, forecast_score AS forecast, forecast_error AS reach FROM nulls FINAL
    WHERE service = 'steady' AND signal = {signal:String} AND dimension = '' ORDER BY at`,
      { signal },
    )
    expect(rows).toHaveLength(4)
    for (const { at, forecast, reach } of rows) {
      const [past, set] = await Promise.all([
        loadPasts(bench.store, bench.catalogue, {
          ...OF,
          startedAt: at,
          slotSeconds: slotLength(HOUR, 60),
          releases: [],
        }),
        loadCells(bench.store, bench.catalogue, { ...OF, from: at - 4 * HOUR, to: at + HOUR, step: 60 }),
      ])
      const [found] = compareSignals(
        [bench.catalogue.signal(signal)],
        { set, versions: ['1'], from: at - 4 * HOUR, to: at },
        { set, versions: ['1'], from: at, to: at + HOUR },
        { alpha: 0.01, design: 'before-after', stepSeconds: 60, past: past.of },
      )
      if (found?.comparison.kind !== 'measured') throw new Error('not measured')
      // Of latencies another statistic may be the one that is shown, at whatever moments today's date makes of it.
      const made = found.comparison.forecast
      expect(forecast).toBeCloseTo(made?.score ?? Number.NaN, 9)
      expect(reach).toBeCloseTo(made?.reach ?? Number.NaN, 9)
      // What the quiet past calibrates is the model, which knows nothing of the season.
      const [model] = await bench.store.query<{ statistic: number }>(
        `SELECT statistic FROM nulls FINAL WHERE service = 'steady' AND signal = {signal:String} AND dimension = '' AND time = toDateTime({at:UInt32})`,
        { signal, at },
      )
      expect(model?.statistic).not.toBeCloseTo(made?.score ?? Number.NaN, 3)
    }
    const own = await ownFalseAlarms(bench.store, bench.catalogue, OF, UNTIL)
    const row = own.signals.find((one) => one.signal === signal)
    expect(row).toMatchObject({ comparisons: 4, forecasts: 4 })
    expect(row?.smallestSeen).toBeGreaterThan(1)
    expect(row?.smallestSeen).toBeLessThan(1.5)
  },
)

it('plans by the same forecast: a season of the day hides nothing of six weeks', async () => {
  const plan = await watchPlan(bench.store, bench.catalogue, bench.config, OF, UNTIL)
  // The levels go up and down by a fifth each day; an hour is forecast to within a few percent.
  for (const id of [SIGNAL, LATENCY]) {
    const row = plan.signals.find(({ signal }) => signal === id)
    expect(row?.detectable['60'], id).toBeGreaterThan(1)
    expect(row?.detectable['60'], id).toBeLessThan(1.2)
  }
})
