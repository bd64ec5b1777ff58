import { tmpdir } from 'node:os'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Analysis, createAnalysis } from '../../analytics/jobs/scheduler.ts'
import { type RunningApi, startApi } from '../../api/server.ts'
import { configSchema } from '../../schemas/config.ts'
import { comparisonSchema } from '../../schemas/contracts/delta.ts'
import { type Report, reportSchema } from '../../schemas/contracts/report.ts'
import { buildCatalogue } from '../../schemas/signals/catalogue.ts'
import { type RunningIngest, startIngest } from '../conformance/postflight.ts'
import { startCli } from './cli-process.ts'
import { seeded } from './report-fixture.ts'

const MINUTE = 60_000
/** The canary's start; its watch of an hour is over. */
const START = Math.floor(Date.now() / MINUTE) * MINUTE - 80 * MINUTE
const OLD = '1.0.0'
const FRESH = '1.1.0'
const PER_MINUTE = 60
const FAILING = 0.05

const config = configSchema.parse({
  api: { port: 0 },
  analysis: { watchMinutes: 60, beforeMinutes: 120 },
})

let ingest: RunningIngest
let api: RunningApi
let analysis: Analysis
beforeAll(async () => {
  ingest = await startIngest()
  const { store } = ingest
  const running = {
    store,
    catalogue: buildCatalogue(),
    config,
    clock: Date.now,
    logger: pino({ level: 'silent' }),
  }
  api = await startApi(running)
  // Looks when it is asked to: a report of a watch that is over is final at once.
  analysis = createAnalysis(running)
})
afterAll(async () => {
  await api?.close()
  await ingest?.close()
})

const text = (key: string, stringValue: string) => ({ key, value: { stringValue } })

/** Two hours of the old version alone, then both: each request goes to the new one with this probability. */
async function send(service: string, share: number, seed: number): Promise<void> {
  const random = seeded(seed)
  const hex = (bytes: number) =>
    Array.from({ length: 2 * bytes }, () => Math.floor(16 * random()).toString(16)).join('')
  const spans: Record<string, object[]> = { [OLD]: [], [FRESH]: [] }
  for (let minute = START - 120 * MINUTE; minute < START + 78 * MINUTE; minute += MINUTE) {
    for (let request = 0; request < PER_MINUTE; request++) {
      const version = minute >= START && random() < share ? FRESH : OLD
      const begun = minute + Math.floor(random() * MINUTE)
      spans[version]?.push({
        traceId: hex(16),
        spanId: hex(8),
        name: 'POST /pay',
        kind: 2,
        startTimeUnixNano: `${begun}000000`,
        endTimeUnixNano: `${begun + Math.round(40 + 40 * random())}000000`,
        attributes: [text('http.request.method', 'POST'), text('http.route', '/pay')],
        status: random() < FAILING ? { code: 2 } : {},
      })
    }
  }
  for (const [version, own] of Object.entries(spans)) {
    const attributes = [
      text('service.name', service),
      text('service.version', version),
      text('service.instance.id', `${service}-${version}`),
      text('deployment.environment.name', 'prod'),
    ]
    const answer = await fetch(`${ingest.url}/v1/traces`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ resourceSpans: [{ resource: { attributes }, scopeSpans: [{ spans: own }] }] }),
    })
    expect(answer.status).toBe(200)
  }
}

const run = (...args: string[]) => startCli(tmpdir(), args, { POSTFLIGHT_ADDRESS: api.url }).ended

async function tell(release: string, startedAt: number, ...more: string[]): Promise<void> {
  const at = new Date(startedAt).toISOString()
  const told = await run('deploy', release, '--environment', 'prod', '--started-at', at, ...more)
  expect(told).toMatchObject({ code: 0 })
}

async function report(service: string): Promise<Report> {
  const answer = await fetch(`${api.url}/api/v1/releases/${service}/${FRESH}/report?environment=prod`)
  return reportSchema.parse(await answer.json())
}

async function compare(service: string, a: string, b: string) {
  const answer = await fetch(`${api.url}/api/v1/compare?${new URLSearchParams({ service, a, b })}`)
  return comparisonSchema.parse(await answer.json())
}

test('a canary that gets three times the share that its pipeline declared is not called healthy; one that gets it is not doubted', async () => {
  for (const [service, declared, share] of [
    ['checkout', '10%', 0.3],
    ['cart', '0.3', 0.3],
  ] as const) {
    await tell(`${service}@${OLD}`, START - 120 * MINUTE)
    await tell(`${service}@${FRESH}`, START, '--attribute', `canaryShare=${declared}`)
    await send(service, share, 7)
  }
  await analysis.round()
  const ratios = (of: Pick<Report, 'comparability'>) =>
    of.comparability?.filter(({ check }) => check === 'sample ratio')

  const doubted = await report('checkout')
  expect(doubted.design).toBe('side_by_side')
  const [finding] = ratios(doubted) ?? []
  expect(finding).toMatchObject({ doubtful: true })
  expect(finding?.pValue).toBeLessThan(1e-6)
  expect(finding?.summary).toMatch(
    /^The new version got (29|30|31)\S* % of the requests and was meant to get 10 %:/,
  )
  expect(doubted.state).toBe('inconclusive')
  expect(doubted.headline).toContain('But the versions may not be comparable')
  const printed = await run('report', `checkout@${FRESH}`, '--environment', 'prod')
  expect(printed.code).toBe(2)
  expect(printed.out.replace(/\s+/g, ' ')).toContain('sample ratio mismatch')

  const gated = await run('gate', `checkout@${FRESH}`, '--environment', 'prod', '--wait', '0s')
  expect(gated.code).toBe(2)
  expect((await run('gate', `cart@${FRESH}`, '--environment', 'prod', '--wait', '0s')).code).toBe(0)

  const trusted = await report('cart')
  expect(trusted.design).toBe('side_by_side')
  expect(ratios(trusted)).toEqual([])
  // The same requests, so that it is the declared share alone that the other is not called so for.
  expect(trusted.state).toBe('healthy')
  expect(trusted.headline).not.toContain('comparable')

  // Whichever is judged, the share is the new version's.
  for (const [a, b] of [
    [OLD, FRESH],
    [FRESH, OLD],
  ] as const) {
    const compared = await compare('checkout', a, b)
    expect(compared.design).toBe('side_by_side')
    expect(ratios(compared)).toMatchObject([{ doubtful: true }])
    expect(compared.notes.join(' ')).toMatch(/The new version got (29|30|31)\S* % .* meant to get 10 %/)
    expect(ratios(await compare('cart', a, b))).toEqual([])
  }
  const page = async (service: string) => {
    const answer = await fetch(`${api.url}/compare?${new URLSearchParams({ service, a: OLD, b: FRESH })}`)
    return await answer.text()
  }
  expect(await page('checkout')).toMatch(/But the two may not be comparable.*sample ratio mismatch/s)
  expect(await page('cart')).not.toContain('comparable')
})
