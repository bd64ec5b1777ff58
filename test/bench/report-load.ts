import type { Store } from '../../schemas/store/client.ts'

export const BENCH_SERIES = { service: 'bench', environment: 'bench' } as const

/** Of each kind: with the gauges, 300 series. */
const SERIES = [
  { measure: 'server.request', name: 'GET /route-', series: 100 },
  { measure: 'db.query', name: 'SELECT FROM table_', series: 100 },
  { measure: 'log.template', name: 'message ', series: 50 },
] as const

/** Those that are compared as distributions. Before the days with all their minutes and buckets they have a row for each slot that the past is read in, with one bucket. */
const LATENCIES = SERIES.slice(0, 2)
const PAST_STEP = 600
const GAUGES = { measure: 'db.connections.used', series: 50 } as const
/** Of which forecasts of gauges and latencies are made. */
const PAST_DAYS = 42

/**
 * Fills `signal_1m` (and through its views `signal_1h` and `version_1h`) with minute cells of 300 series, each of some 30
 * histogram buckets: version 1.0, and 1.1 from `release` on; 50 of them are gauges and 200 latencies, both with six weeks of past.
 * @param times seconds since the epoch
 * @returns cells written
 */
export async function fillRollups(
  store: Store,
  times: { readonly from: number; readonly release: number; readonly to: number },
): Promise<number> {
  const day = 86_400
  for (const { measure, name, series } of SERIES) {
    // A day at a time: the histograms of a week in one statement would not fit in the engine's memory.
    for (let from = times.from; from < times.to; from += day) {
      await store.command(
        `INSERT INTO signal_1m (time, service, environment, version, instance, measure, dimension, traffic,
                                count, bad, sum, sum_squares, min, max, histogram)
         SELECT
             toDateTime({from:UInt32} + intDiv(number, {series:UInt32}) * 60) AS at,
             {service:String},
             {environment:String},
             if(toUnixTimestamp(at) < {release:UInt32}, '1.0', '1.1'),
             'bench-1',
             {measure:String},
             concat({name:String}, toString(number % {series:UInt32})),
             'users',
             (30 + cityHash64(number, {measure:String}) % 11) AS events,
             intDiv(cityHash64(number, 'bad') % 100, 98),
             events * 0.05 AS total,
             events * 0.004,
             0.01,
             0.3,
             CAST(arrayMap(i -> (toInt16(-80 + i), toUInt64(1 + (cityHash64(number, i) % 3 = 0))), range(30)), 'Map(Int16, UInt64)')
         FROM numbers({series:UInt32} * {minutes:UInt32})`,
        {
          ...BENCH_SERIES,
          from,
          release: times.release,
          series,
          measure,
          name,
          minutes: Math.ceil((Math.min(times.to, from + day) - from) / 60),
        },
      )
    }
  }
  for (const { measure, name, series } of LATENCIES) {
    await store.command(
      `INSERT INTO signal_1m (time, service, environment, version, instance, measure, dimension, traffic, count, bad, sum, sum_squares, min, max, histogram)
      SELECT toDateTime({from:UInt32} + intDiv(number, {series:UInt32}) * {step:UInt32}) AS at, {service:String}, {environment:String}, '1.0', 'bench-1', {measure:String},
        concat({name:String}, toString(number % {series:UInt32})), 'users',
        (300 + cityHash64(number, {measure:String}) % 110) AS events, cityHash64(number, 'bad') % 10, events * 0.05, events * 0.004, 0.01, 0.3,
        map(toInt16(-72 + round(6 * sin(2 * pi() * toUnixTimestamp(at) / 86400)) + cityHash64(number) % 5), toUInt64(events))
      FROM numbers({series:UInt32} * {steps:UInt32})`,
      {
        ...BENCH_SERIES,
        measure,
        name,
        series,
        from: times.to - PAST_DAYS * day,
        step: PAST_STEP,
        steps: Math.floor((times.from - times.to + PAST_DAYS * day) / PAST_STEP),
      },
    )
  }
  await store.command(
    `INSERT INTO signal_1m (time, service, environment, version, instance, measure, dimension, traffic, count, bad, sum, sum_squares, min, max, histogram)
    SELECT toDateTime({from:UInt32} + intDiv(number, {series:UInt32}) * 60) AS at, {service:String}, {environment:String},
      if(toUnixTimestamp(at) < {release:UInt32}, '1.0', '1.1'), 'bench-1', {measure:String}, concat('pool-', toString(number % {series:UInt32})), 'users',
      4, 0, 40 + 8 * sin(2 * pi() * toUnixTimestamp(at) / 86400) + cityHash64(number) % 400 / 100., 400, 8, 12, map()
    FROM numbers({series:UInt32} * {minutes:UInt32})`,
    {
      ...BENCH_SERIES,
      ...GAUGES,
      from: times.to - PAST_DAYS * day,
      release: times.release,
      minutes: PAST_DAYS * 1440,
    },
  )
  const [row] = await store.query<{ cells: number }>('SELECT count() AS cells FROM signal_1m')
  return row?.cells ?? 0
}
