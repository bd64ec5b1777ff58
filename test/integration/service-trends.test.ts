import { tmpdir } from 'node:os'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { serviceTrends } from '../../analytics/jobs/service-trends.ts'
import { type ServiceTrends, serviceTrendsSchema } from '../../schemas/contracts/service-trends.ts'
import { startCli } from './cli-process.ts'
import { DAY, NOW, openQuarter, type Quarter, RELEASES, SURGE } from './quarter-fixture.ts'

let quarter: Quarter
beforeAll(async () => {
  quarter = await openQuarter()
})
afterAll(() => quarter?.close())

const read = async (path: string): Promise<ServiceTrends> => {
  const answer = await fetch(`${quarter.api.url}${path}`)
  expect(answer.status).toBe(200)
  return serviceTrendsSchema.parse(await answer.json())
}

it('finds the quarter of a service: what came with a release, what did not, and what releases add up to', async () => {
  const trends = await read('/api/v1/services/checkout/trends')
  expect(trends).toMatchObject({ environment: 'prod', stepSeconds: 86_400 })
  expect(trends.releases).toHaveLength(12)
  const latency = trends.signals.find(({ signal }) => signal === 'latency.server')
  expect(latency?.period).toBe(7)
  const jump = latency?.changes.find(({ cause }) => cause.kind === 'release')
  expect(jump?.established).toBe(true)
  expect(jump?.cause).toMatchObject({ kind: 'release', versions: ['3.7.0'] })
  expect(jump?.ratio).toBeGreaterThan(1.2)
  expect(jump?.ratio).toBeLessThan(1.4)
  const traffic = trends.signals.find(({ signal }) => signal === 'traffic.requests')
  expect(traffic?.changes).toHaveLength(1)
  expect(traffic?.changes[0]).toMatchObject({ established: true, cause: { kind: 'unexplained' } })
  expect(Math.abs(Date.parse(traffic?.changes[0]?.at ?? '') - SURGE)).toBeLessThanOrEqual(DAY)
  // Eleven of +3 %, of which hardly one is seen, and one of +30 %.
  const creep = latency?.creep
  expect(creep).toMatchObject({ scale: 'ratio', crept: true })
  const truth = RELEASES.reduce((product, { effect }) => product * effect, 1)
  expect(creep?.low).toBeLessThan(truth)
  expect(creep?.high).toBeGreaterThan(truth)
  expect(creep?.uncalled?.value).toBeLessThan(creep?.value ?? 0)
  expect(creep?.uncalled?.high).toBeGreaterThan(1.03 ** 11)
  expect(trends.signals[0]?.signal).toBe('latency.server')
})

it('gives the same answer again, and none for a service that has nothing', async () => {
  const ask = () =>
    serviceTrends(quarter.bench.store, quarter.bench.catalogue, {
      service: 'checkout',
      environment: 'prod',
      now: NOW,
      days: 91,
      signals: ['latency.server'],
    })
  expect(await ask()).toEqual(await ask())
  const nothing = await serviceTrends(quarter.bench.store, quarter.bench.catalogue, {
    service: 'nobody',
    environment: 'prod',
    now: NOW,
    days: 91,
  })
  expect(nothing.signals).toEqual([])
})

it('tells it on the page and the command line', async () => {
  const page = await (await fetch(`${quarter.api.url}/services/checkout`)).text()
  expect(page).toContain('Over the quarter')
  expect(page).toContain('creeps')
  const cli = (...more: string[]) =>
    startCli(tmpdir(), ['trends', 'checkout', '--address', quarter.api.url, ...more]).ended
  const text = await cli()
  expect(text).toMatchObject({ code: 0, err: '' })
  expect(text.out).toContain('with 3.7.0')
  expect(text.out).toContain('unexplained')
  expect(Math.max(...text.out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80)
  const json = await cli('--json')
  expect(serviceTrendsSchema.parse(JSON.parse(json.out)).signals.length).toBeGreaterThan(0)
})
