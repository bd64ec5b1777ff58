import { afterAll, beforeAll, expect, it } from 'vitest'
import { loadPastLines, PAST_DAYS, pastOf } from '../../analytics/baselines/past.ts'
import type { Past } from '../../analytics/compare/comparison.ts'
import { loadCells } from '../../analytics/queries/cells.ts'
import { mergeCells } from '../../analytics/queries/merge-cells.ts'
import { exposureLine, signalLines, versionsOf } from '../../analytics/queries/signal-lines.ts'
import type { Cell } from '../../schemas/cell.ts'
import { LN_GAMMA, ZERO_BUCKET } from '../../schemas/histogram.ts'
import { type Bench, openBench } from './report-fixture.ts'

const DAY = 86_400
const SLOT = 600
/** A whole slot; the release comes seven minutes later. */
const END = Math.floor(Date.now() / SLOT / 1000) * SLOT
const OF = { service: 'shop', environment: 'prod' }
const SIGNALS = ['latency.server', 'db.duration', 'db.connections', 'db.pool_wait', 'traffic.requests']

let bench: Bench

/** Eight days of minutes, three in four of which have something, of three versions and two instances each. */
beforeAll(async () => {
  bench = await openBench()
  const measures = [
    ['server.request', ['/', '/cart', '/odd'], true],
    // What a sampler left out of version 2, by its weights.
    ['server.request.unsampled', [''], false],
    ['db.query', ['SELECT', 'UPDATE'], true],
    ['db.connections.used', ['idle', 'used'], false],
    ['db.connections.pending', [''], false],
  ] as const
  for (const [measure, dimensions, histogram] of measures) {
    await bench.store.command(
      `INSERT INTO signal_1m (time, service, environment, version, instance, measure, dimension, traffic, count, bad, sum, sum_squares, min, max, histogram)
      SELECT toDateTime({from:UInt32} + intDiv(number, 2) * 60) AS at, {service:String}, {environment:String},
        toString(1 + intDiv(number, 8000)) AS version, toString(number % 2), {measure:String},
        arrayElement({dimensions:Array(String)}, 1 + intDiv(number, 2) % length({dimensions:Array(String)})) AS dimension, if(number % 50 = 7, 'health', 'users'),
        1 + cityHash64(number, {measure:String}) % 40 AS events, 0, events * (0.2 + cityHash64(number, 'value') % 100 / 70), events, 0, 3,
        if({histogram:Bool}, map(toInt16(if(dimension = '/odd' AND number % 900 < 6, {zero:Int32}, -60 + cityHash64(number) % 30)), toUInt64(events)), map())
      FROM numbers(8 * 2880)
      WHERE cityHash64(intDiv(number, 2), {measure:String}) % 4 > 0 AND ({measure:String} != 'server.request.unsampled' OR version = '2')`,
      { ...OF, measure, dimensions, histogram, zero: ZERO_BUCKET, from: END - 8 * DAY },
    )
  }
  // From the fifth day on only two statements are told apart.
  await bench.store.command(
    `INSERT INTO signal_1m (time, service, environment, version, measure, dimension, traffic, count, sum, histogram)
    VALUES (toDateTime({at:UInt32}), {service:String}, {environment:String}, '2', 'db.query', '(other)', 'users', 9, 9, map(toInt16(-40), toUInt64(9)))`,
    { ...OF, at: END - 3 * DAY },
  )
  await bench.store.command(
    `INSERT INTO kept_dimension (measure, service, day, dimension, since) VALUES ('db.query', {service:String}, toDate(toDateTime({at:UInt32})), 'SELECT', toDateTime({at:UInt32}))`,
    { ...OF, at: END - 3 * DAY },
  )
})
afterAll(() => bench?.close())

/** The pasts that cells with their histograms make: what levels are read in the stead of. */
async function pastsOfCells(to: number): Promise<ReadonlyMap<string, Past | undefined>> {
  const signals = SIGNALS.map((id) => bench.catalogue.signal(id))
  const read = { ...OF, from: to - PAST_DAYS * DAY, to, step: SLOT, signals }
  const set = await loadCells(bench.store, bench.catalogue, read)
  return new Map(
    signals.flatMap((signal) => {
      const versions = versionsOf(set, signal)
      const lines = signalLines(set, signal, versions)
      const exposure = exposureLine(set, signal, versions, SLOT)
      const past = (cells: readonly Cell[]) =>
        pastOf(signal, cells.map(withLogs), exposure, SLOT, SLOT, to, [])
      const parts = [...lines].map(
        ([dimension, cells]) => [`${signal.id} ${dimension}`, past(cells)] as const,
      )
      const whole = past(mergeCells([...lines.values()]))
      return signal.kind === 'distribution' ? parts : [...parts, [`${signal.id} `, whole] as const]
    }),
  )
}

function withLogs(cell: Cell): Cell {
  let sumLogs = 0
  cell.histogram?.forEach((n, bucket) => {
    sumLogs += bucket === ZERO_BUCKET ? Number.NEGATIVE_INFINITY : n * (bucket - 0.5) * LN_GAMMA
  })
  return { ...cell, sumLogs }
}

it.each([0, 2 * DAY])('the past read in columns is what cells make of it, %d seconds back', async (back) => {
  const to = END - back
  const pasts = (
    await loadPastLines(bench.store, bench.catalogue, {
      ...OF,
      from: END - 3 * DAY,
      to: END + 420,
      slotSeconds: SLOT,
      releases: [],
    })
  )(to + 420)
  const expected = await pastsOfCells(to)
  const names = [...expected.keys()]
  expect(names).toContain('db.duration (other)')
  expect(names).toContain('db.connections ')
  expect(names).toHaveLength(3 + 2 + 3 + 1 + 1)
  for (const id of SIGNALS) {
    const signal = bench.catalogue.signal(id)
    for (const name of names.filter((one) => one.startsWith(`${id} `))) {
      const past = pasts(signal, name.slice(id.length + 1)) as Past
      const other = expected.get(name) as Past
      const { line, ...rest } = past
      expect(rest, name).toEqual({ ...other, line: undefined, to })
      const from = Math.round((other.line.start - line.start) / SLOT)
      other.line.denominator.forEach((denominator, i) => {
        const at = from + i
        // Where spans are a sample only the ratio of the two is the same.
        const ratio = (line.numerator[at] as number) / (line.denominator[at] as number)
        const wanted = (other.line.numerator[i] as number) / denominator
        if (Number.isFinite(wanted)) expect(ratio / wanted, `${name} ${at}`).toBeCloseTo(1, 9)
        else expect(ratio, `${name} ${at}`).toBe(wanted)
      })
    }
  }
  // Values that are not above zero have no logarithm.
  expect(pasts(bench.catalogue.signal('latency.server'), '/odd')?.line.numerator).toContain(
    Number.NEGATIVE_INFINITY,
  )
  expect(pasts(bench.catalogue.signal('latency.server'), '')).toBe(undefined)
})
