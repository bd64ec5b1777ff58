import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Setting } from '../../deploy/cli/evaluate.ts'
import type { Mark } from '../../schemas/contracts/mark.ts'
import { type MarkEvaluation, markEvaluationSchema } from '../../schemas/contracts/mark-evaluation.ts'
import type { DeploymentSummary } from '../../schemas/contracts/release.ts'
import { openShop, type Shop } from '../browser/shop.ts'
import { startCli } from './cli-process.ts'

let shop: Shop
let cwd: string
beforeAll(async () => {
  shop = await openShop()
  cwd = mkdtempSync(join(tmpdir(), 'postflight-marks-'))
})
afterAll(async () => {
  await shop?.close()
  rmSync(cwd, { recursive: true, force: true })
})

const run = (...args: string[]) => startCli(cwd, [...args, '--address', shop.api.url]).ended

interface Answer {
  readonly settings: readonly Setting[]
  readonly cases: readonly MarkEvaluation[]
  readonly left: { readonly changed: number; readonly unreported: number }
}

it('says that there is nothing to evaluate as long as nobody marked anything', async () => {
  const { code, out } = await run('evaluate', '--marked')
  expect(code).toBe(0)
  expect(out).toContain('postflight mark')
})

it('refuses a mark of a signal that nobody knows', async () => {
  const { code, err } = await run('mark', 'checkout@2.7.0/β', 'true', '--signal', 'latency.sever')
  expect({ code, err }).toEqual({
    code: 3,
    err: expect.stringContaining('There is no signal latency.sever.'),
  })
})

it('computes marked verdicts again with other thresholds, and says what each would have cost', async () => {
  expect(await run('mark', 'checkout@2.7.0/β', 'false-alarm', '--by', 'Ada')).toMatchObject({ code: 0 })
  const { items } = (await (await fetch(`${shop.api.url}/api/v1/deployments?service=checkout`)).json()) as {
    items: DeploymentSummary[]
  }
  for (const [version, body] of [
    ['2.7.0/β', { mark: 'true', signal: 'latency.server', dimension: 'POST /pay' }],
    ['2.6.0', { mark: 'missed' }],
  ] as const) {
    const id = items.find((one) => one.version === version)?.deploymentId
    const answer = await fetch(`${shop.api.url}/api/v1/deployments/${id}/marks`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    expect(answer.status).toBe(200)
  }

  const listed = await fetch(`${shop.api.url}/api/v1/marks?service=checkout`)
  expect(((await listed.json()) as { items: Mark[] }).items).toHaveLength(3)

  const { code, out, err } = await run('evaluate', 'checkout', '--marked', '--json')
  expect(code, err).toBe(0)
  const answer = JSON.parse(out) as Answer
  expect(answer.left).toEqual({ changed: 0, unreported: 0 })
  for (const one of answer.cases) markEvaluationSchema.parse(one)
  const at = (varied: string, value: number) =>
    answer.settings.find((setting) => setting.varied === varied && setting.value === value)
  // In force: as it was said, since nothing has changed.
  for (const setting of answer.settings.filter(({ inForce }) => inForce)) {
    expect(setting).toMatchObject({ falseAlarmsSilent: 0, falseAlarms: 1, trueLost: 0, trueOnes: 1 })
    expect(setting).toMatchObject({ missedFound: 0, missed: 1 })
  }
  expect(answer.settings.filter(({ inForce }) => inForce)).toHaveLength(3)
  // POST /pay took twice as long, in 1,440 requests, and 1.15 times is the smallest effect: 1.15^4 is less than that, 1.15^6 more.
  expect(at('relevantChange', 4)).toMatchObject({ trueLost: 0 })
  expect(at('relevantChange', 6)).toMatchObject({ trueLost: 1 })
  expect(at('minimumExposure', 1000)).toMatchObject({ trueLost: 0 })
  // The service as a whole has more requests than its slow route.
  expect(at('minimumExposure', 3000)).toMatchObject({ falseAlarmsSilent: 0, trueLost: 1 })
  expect(at('minimumExposure', 10_000)).toMatchObject({ falseAlarmsSilent: 1, trueLost: 1 })
  // What is beyond doubt stays so at a stricter error.
  expect(at('alpha', 0.001)).toMatchObject({ falseAlarmsSilent: 0, trueLost: 0 })
})

it('shows them in a table that fits', async () => {
  const { out } = await run('evaluate', '--marked')
  expect(out).toContain('1 of 1')
  expect(out).toContain('(now)')
  for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
})

it('says nothing of a report whose inputs are not what they were', async () => {
  // As if late data had changed a rollup that the report was computed from.
  const [row] = await shop.bench.store.query<{ time: number }>(
    `SELECT toUnixTimestamp(min(time)) + 1200 AS time FROM signal_1m WHERE service = 'checkout' AND version = '2.6.0'`,
  )
  await shop.bench.store.command(
    `INSERT INTO signal_1m SELECT * REPLACE (1000 AS count) FROM signal_1m
    WHERE service = 'checkout' AND measure = 'server.request' AND version = '2.6.0' AND time >= toDateTime({time:UInt32}) AND time < toDateTime({time:UInt32}) + 600`,
    { time: row?.time ?? 0 },
  )
  const { out } = await run('evaluate', 'checkout', '--marked', '--json')
  const answer = JSON.parse(out) as Answer
  expect(answer.left.changed).toBe(2)
  expect(answer.settings).toEqual([])
  expect(answer.cases.flatMap(({ cases }) => cases).every(({ outcomes }) => outcomes.length === 0)).toBe(true)
})

it('asks for what it evaluates', async () => {
  const { code } = await run('evaluate')
  expect(code).toBe(64)
})
