import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createAlerts } from '../../analytics/alerts/alerts.ts'
import { Gates } from '../../analytics/gate/gates.ts'
import { storeReport } from '../../analytics/jobs/stored-reports.ts'
import type { Alert } from '../../schemas/contracts/alert.ts'
import { type Gate, gateSchema, shadowEventSchema, shadowTallySchema } from '../../schemas/contracts/gate.ts'
import type { Problem } from '../../schemas/contracts/problem.ts'
import type { Report } from '../../schemas/contracts/report.ts'
import { shadowSchema } from '../../schemas/gate.ts'
import { openShop, type Shop } from '../browser/shop.ts'
import { startCli } from './cli-process.ts'

const BAD = '2.7.0/β'
const RELEASE = { service: 'checkout', environment: 'prod', version: BAD }

let shop: Shop
let cwd: string
beforeAll(async () => {
  shop = await openShop({ gate: { rules: [{ services: ['cart'], policy: { watching: 'warn' } }] } })
  cwd = mkdtempSync(join(tmpdir(), 'postflight-gate-'))
})
afterAll(async () => {
  await shop.close()
  rmSync(cwd, { recursive: true, force: true })
})

const ask = (path: string, init?: RequestInit) => fetch(`${shop.api.url}/api/v1${path}`, init)
const post = (path: string, body: unknown) =>
  ask(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
const open = async (body: object): Promise<Gate> => {
  const answer = await post('/gates', body)
  expect(answer.status).toBe(201)
  return gateSchema.parse(await answer.json())
}
const read = async <T>(path: string): Promise<T> => {
  const answer = await ask(path)
  expect(answer.status, path).toBe(200)
  return (await answer.json()) as T
}

describe('gates over real reports', () => {
  it('fails a regressed release at once, with effect, interval and n', async () => {
    const gate = await open({ ...RELEASE, waitMinutes: 30 })
    expect(gate).toMatchObject({ decision: 'fail', step: 'roll_back', outcome: 'regressed', settled: true })
    expect(gate.baselineVersion).toBe('2.6.0')
    const pay = gate.evidence.find(({ dimension }) => dimension === 'POST /pay')
    expect(pay?.effectRatio).toBeGreaterThan(1.5)
    expect(pay?.interval[0]).toBeGreaterThan(1.2)
    expect(pay?.after.count).toBeGreaterThan(100)
    expect(await read(`/gates/${gate.id}`)).toEqual(gate)
    const { items } = await read<{ items: Gate[] }>('/gates?service=checkout&decision=fail')
    expect(items.map(({ id }) => id)).toContain(gate.id)
  })

  it('gives no second chance, whatever a later report of the same deployment says', async () => {
    const { deploymentId } = await open(RELEASE)
    const report = await read<Report>(`/reports/${deploymentId}`)
    const later = new Date(Date.parse(report.computedAt) + 1000).toISOString()
    await storeReport(shop.bench.store, { ...report, state: 'healthy', computedAt: later })
    expect(await open(RELEASE)).toMatchObject({ decision: 'fail', outcome: 'regressed' })
    await storeReport(shop.bench.store, {
      ...report,
      computedAt: new Date(Date.parse(report.computedAt) + 2000).toISOString(),
    })
  })

  it('agrees with the report of a release that is not regressed', async () => {
    const gate = await open({ ...RELEASE, version: '2.6.0' })
    const report = await read<Report>(`/reports/${gate.deploymentId}`)
    expect(gate.outcome).toBe(report.state)
    expect(gate.decision).toBe(report.state === 'healthy' ? 'pass' : 'fail')
  })

  it('waits for a release that is told while it waits, and decides when its time is over', async () => {
    const of = { service: 'search', environment: 'prod', version: 'nightly@7' }
    const gate = await open({ ...of, waitMinutes: 30 })
    expect(gate).toMatchObject({ decision: 'hold', deploymentId: null, settled: false })
    const told = await post('/deployments', of)
    const { id } = (await told.json()) as { id: string }
    expect(await read(`/gates/${gate.id}`)).toMatchObject({ decision: 'hold', deploymentId: id })
    let now = Date.now()
    const gates = new Gates({ store: shop.bench.store, config: shop.bench.config, clock: () => now })
    const short = await gates.open({ ...of, waitMinutes: 5, policy: {} })
    now += 6 * 60_000
    // Nobody asks for it any more.
    await gates.settleOpen()
    expect(await read(`/gates/${short.id}`)).toMatchObject({
      decision: 'fail',
      outcome: 'no_data',
      settled: true,
    })
  })

  it('does not take a deployment of long ago for the one that is meant', async () => {
    const gate = await open({ ...RELEASE, waitMinutes: 0, since: new Date().toISOString() })
    expect(gate).toMatchObject({ decision: 'fail', outcome: 'no_data', deploymentId: null })
    expect(gate.reasons.join(' ')).toContain('Known: deployed at')
  })

  it('follows the policy of the settings, and keeps what shadow would have blocked, once a deployment', async () => {
    const cart = await open({ service: 'cart', environment: 'prod', version: '1.1.0', waitMinutes: 0 })
    if (cart.outcome === 'watching') expect(cart).toMatchObject({ decision: 'pass', meaning: 'warn' })
    else expect(cart.outcome).toBe('healthy')
    for (let i = 0; i < 3; i++) {
      const gate = await open({ ...RELEASE, policy: { regressed: 'shadow' } })
      expect(gate).toMatchObject({ decision: 'pass', meaning: 'shadow', step: 'promote' })
    }
    const { tally, items } = await read<{ tally: unknown[]; items: unknown[] }>('/shadow?service=checkout')
    expect(items.map((item) => shadowEventSchema.parse(item))).toHaveLength(1)
    const rows = tally.map((row) => shadowTallySchema.parse(row))
    expect(rows).toContainEqual(
      expect.objectContaining({ signal: 'latency.server', action: 'block', deployments: 1, of: 3 }),
    )
  })

  it('lets a deployment pass, with a warning, that somebody marked as a false alarm, and counts the mark', async () => {
    const { deploymentId } = await open(RELEASE)
    const mark = async (body: object) =>
      await ask(`/deployments/${deploymentId}/marks`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
    expect((await mark({ mark: 'false_alarm', by: 'ana', note: 'a load test' })).status).toBe(200)
    expect(await open(RELEASE)).toMatchObject({ decision: 'pass', meaning: 'warn', outcome: 'regressed' })
    const { tally } = await read<{ tally: unknown[] }>('/shadow?service=checkout')
    expect(tally).toContainEqual(
      expect.objectContaining({ signal: 'latency.server', falseAlarms: 1, confirmed: 0 }),
    )
    const told = startCli(cwd, ['mark', `checkout@${BAD}`, 'none', '--json', '--address', shop.api.url])
    expect(JSON.parse((await told.ended).out)).toEqual([])
    expect(await open(RELEASE)).toMatchObject({ decision: 'fail' })
    expect((await mark({ mark: 'wrong' })).status).toBe(400)
    expect((await ask('/deployments/none/marks')).status).toBe(404)
  })

  it('counts an incident that nobody is told of as a page', async () => {
    const { deploymentId } = await open(RELEASE)
    const report = await read<Report>(`/reports/${deploymentId}`)
    const alerts = createAlerts({
      store: shop.bench.store,
      settings: shop.bench.config.alerts,
      shadow: shadowSchema.parse([{ signals: ['*'] }]),
      publicUrl: 'http://postflight.test',
      clock: Date.now,
      logger: { info: () => {}, warn: () => {}, error: () => {} },
    })
    await alerts.onReport(report, Date.now())
    const { items } = await read<{ items: Alert[] }>('/alerts?service=checkout')
    expect(items.find((alert) => alert.deploymentId === deploymentId)).toMatchObject({ shadow: true })
    const { tally } = await read<{ tally: unknown[] }>('/shadow?service=checkout')
    expect(tally).toContainEqual(
      expect.objectContaining({ action: 'page', signal: 'latency.server', deployments: 1 }),
    )
  })

  it('says which field of a question is wrong', async () => {
    const answer = await post('/gates', { service: 'checkout', version: '1', policy: { healthy: 'block' } })
    expect(answer.status).toBe(400)
    const { errors } = (await answer.json()) as Problem
    expect(errors?.[0]?.field).toBe('body.policy.healthy')
    expect((await ask('/gates/none')).status).toBe(404)
  })
})

describe('canary controllers', () => {
  it('answers the web metric provider of Argo Rollouts with JSON that its conditions can read', async () => {
    const measure = async (version: string) => {
      const query = new URLSearchParams({ service: 'checkout', environment: 'prod', version })
      const answer = await ask(`/gates/argo-rollouts?${query}`)
      expect(answer.headers.get('content-type')).toContain('application/json')
      return ((await answer.json()) as { data: Record<string, unknown> }).data
    }
    expect(await measure(BAD)).toMatchObject({
      decision: 'fail',
      value: -1,
      step: 'roll_back',
      reason: expect.stringMatching(/./),
      link: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/releases\//),
    })
    // Neither condition holds: inconclusive, so the analysis run goes on.
    expect(await measure('9.9.9')).toMatchObject({ decision: 'hold', value: 0, outcome: 'watching' })
    expect((await ask('/gates/argo-rollouts?service=checkout')).status).toBe(400)
  })

  it('answers each of Flagger’s hooks by its status', async () => {
    const hook = async (name: string, metadata: Record<string, string>) => {
      const answer = await post(`/gates/flagger/${name}`, {
        name: 'checkout',
        namespace: 'prod',
        phase: 'Progressing',
        checksum: '85d557f47b',
        metadata,
      })
      return answer.status
    }
    const bad = { version: BAD }
    expect(await hook('rollback', bad)).toBe(200)
    expect(await hook('rollout', bad)).toBe(409)
    expect(await hook('confirm-promotion', bad)).toBe(409)
    const unknown = { version: '9.9.9' }
    expect(await hook('rollback', unknown)).toBe(409)
    expect(await hook('rollout', unknown)).toBe(200)
    expect(await hook('confirm-promotion', unknown)).toBe(409)
    // Without a version: the newest that was deployed.
    expect(await hook('rollback', {})).toBe(200)
    expect((await post('/gates/flagger/event', { name: 'a', namespace: 'b' })).status).toBe(400)
  })
})

describe('postflight gate', { timeout: 120_000 }, () => {
  const run = (args: readonly string[], env = {}) =>
    startCli(cwd, ['gate', ...args, '--address', shop.api.url], env).ended

  it('ends with 1 for a regressed release, and writes JSON, JUnit and Markdown', async () => {
    writeFileSync(join(cwd, 'summary.md'), 'what was there\n')
    const { code, out, err } = await run(
      [`checkout@${BAD}`, '--environment', 'prod', '--json', '--junit', 'gate.xml', '--markdown', 'gate.md'],
      { GITHUB_STEP_SUMMARY: join(cwd, 'summary.md') },
    )
    expect(err).toBe('')
    expect(code).toBe(1)
    expect(gateSchema.parse(JSON.parse(out)).outcome).toBe('regressed')
    const xml = readFileSync(join(cwd, 'gate.xml'), 'utf8')
    expect(xml).toContain('<failure message="fail: regressed"')
    const markdown = readFileSync(join(cwd, 'gate.md'), 'utf8')
    expect(markdown).toContain('### ❌ checkout `2.7.0/β` in prod: fail: regressed')
    expect(markdown).toMatch(
      /\| .*POST \/pay, (?:mean|p\d+) \| [^|]*ms \| [^|]*ms \| [\d,]+ \/ [\d,]+ \| [^|]*x \([^|]*x to [^|]*x\) \| regressed \|/,
    )
    expect(readFileSync(join(cwd, 'summary.md'), 'utf8')).toBe(`what was there\n${markdown}`)
  })

  it('ends with 0 where the policy lets it pass, and shows the tally', async () => {
    const { code, out } = await run([
      `checkout@${BAD}`,
      '--environment',
      'prod',
      '--policy',
      'regressed=shadow',
      'no-data=warn',
    ])
    expect(code).toBe(0)
    expect(out).toContain('pass (regressed: shadow)')
    for (const line of out.split('\n').filter((text) => !text.startsWith('http')))
      expect(line.length).toBeLessThanOrEqual(80)
    const shadow = await startCli(cwd, ['shadow', 'checkout', '--address', shop.api.url]).ended
    expect(shadow.out).toContain('latency.server')
    expect(shadow.code).toBe(0)
  })

  it('waits with sparse lines, and ends with 3 where nothing came', async () => {
    const { code, err, out } = await run(['nothing@1', '--wait', '2s'])
    expect(code).toBe(3)
    expect(err.trim().split('\n')).toHaveLength(1)
    expect(err).toContain('No deployment of nothing 1 in default')
    expect(out).toContain('fail: no data')
  })

  it('ends with 2 where it was not decided in time', async () => {
    const { code, out } = await run([
      'cart@1.1.0',
      '--environment',
      'prod',
      '--wait',
      '0',
      '--policy',
      'watching=block',
      '--json',
    ])
    const gate = JSON.parse(out) as Gate
    expect(code).toBe(gate.outcome === 'healthy' ? 0 : 2)
  })

  it('names a version with an @ by --release', async () => {
    const { code, out } = await run([
      'search',
      '--release',
      'nightly@7',
      '--environment',
      'prod',
      '--wait',
      '0',
      '--json',
    ])
    expect(JSON.parse(out)).toMatchObject({ service: 'search', version: 'nightly@7', outcome: 'no_data' })
    expect(code).toBe(3)
  })

  it('ends with 64 for wrong usage and 6 where nobody answers', async () => {
    const { code, err } = await run(['checkout@1', '--policy', 'regressed=maybe'])
    expect(code).toBe(64)
    expect(err).toContain('expected state=meaning, got "regressed=maybe"')
    const nobody = await startCli(cwd, ['gate', 'checkout@1', '--address', 'http://127.0.0.1:9']).ended
    expect(nobody.code).toBe(6)
  })
})
