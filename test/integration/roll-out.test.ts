import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { discoverDeployments } from '../../analytics/releases/discover-deployments.ts'
import { recordDeployment } from '../../analytics/releases/record-deployment.ts'
import { allDeployments } from '../../analytics/releases/stored-deployments.ts'
import { type Bench, openBench, type Route, sendTraffic } from './report-fixture.ts'

const MINUTE = 60_000
// Minutes are kept for 90 days.
const START = Math.floor(Date.now() / 86_400_000 - 1) * 86_400_000 + 8 * 60 * MINUTE
const NOON = START + 240 * MINUTE
const route: Route = { route: 'GET /', perMinute: 10, seconds: 0.05 }

describe('a roll-out that is told of when its telemetry has come for a while', () => {
  let bench: Bench
  beforeAll(async () => {
    bench = await openBench()
  })
  afterAll(() => bench.close())

  /** 2.6.0 from the morning on, and 2.7.0 since 50 minutes before noon; both until `until`, then the new one alone. */
  async function serve(service: string, until: number): Promise<void> {
    const send = (version: string, from: number, to: number) =>
      sendTraffic(bench.store, {
        ...{ service, environment: 'prod', version, from, to },
        routes: [route],
        seed: 1,
      })
    await send('2.6.0', START, until)
    await send('2.7.0', NOON - 50 * MINUTE, NOON + 10 * MINUTE)
  }

  const tell = (service: string, startedAt?: number) =>
    recordDeployment(
      bench.store,
      {
        ...{ service, environment: 'prod', version: '2.7.0', status: 'succeeded', attributes: {} },
        ...(startedAt === undefined ? {} : { startedAt: new Date(startedAt).toISOString() }),
      },
      () => NOON,
    )
  const discover = (at = NOON + 10 * MINUTE) => discoverDeployments(bench.store, at)

  async function starts(service: string): Promise<readonly [string, string | null, number][]> {
    return (await allDeployments(bench.store, { service, environment: 'prod' })).map((deployment) => [
      deployment.version,
      deployment.previousVersion,
      (Date.parse(deployment.startedAt) - NOON) / MINUTE,
    ])
  }

  it('is one deployment with the start that was told, while the old version serves too', async () => {
    await serve('slow', NOON - MINUTE)
    await discover(NOON - MINUTE)
    expect(await starts('slow')).toEqual([
      ['2.6.0', null, -240],
      ['2.7.0', '2.6.0', -50],
    ])
    await tell('slow', NOON)
    for (let look = 0; look < 2; look++) await discover()
    expect(await starts('slow')).toEqual([
      ['2.6.0', null, -240],
      ['2.7.0', '2.6.0', 0],
    ])
  })

  it('is so whoever is first', async () => {
    await serve('told', NOON - MINUTE)
    await tell('told', NOON)
    for (let look = 0; look < 2; look++) await discover()
    expect(await starts('told')).toEqual([
      ['2.6.0', null, -240],
      ['2.7.0', '2.6.0', 0],
    ])
  })

  it('has the start that telemetry saw where none is told', async () => {
    await serve('finished', NOON - MINUTE)
    await discover(NOON - MINUTE)
    await tell('finished')
    expect(await starts('finished')).toEqual([
      ['2.6.0', null, -240],
      ['2.7.0', '2.6.0', -50],
    ])
  })

  it('is another deployment of that version once it had taken over', async () => {
    await serve('again', NOON - 45 * MINUTE)
    await discover(NOON - MINUTE)
    await tell('again', NOON)
    await discover()
    expect(await starts('again')).toEqual([
      ['2.6.0', null, -240],
      ['2.7.0', '2.6.0', -50],
      ['2.7.0', '2.7.0', 0],
    ])
  })
})
