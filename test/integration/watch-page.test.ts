import { tmpdir } from 'node:os'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { storeIncident } from '../../analytics/alerts/stored-alerts.ts'
import { watchPage } from '../../api/pages/watch.ts'
import { type LiveWatch, liveWatchSchema, watchTickSchema } from '../../schemas/contracts/live-watch.ts'
import type { DeploymentSummary } from '../../schemas/contracts/release.ts'
import { openShop, type Shop } from '../browser/shop.ts'
import { startCli } from './cli-process.ts'
import { firingIncident } from './report-alert-fixture.ts'

describe('the watch of a deployment', { timeout: 60_000 }, () => {
  let shop: Shop
  let id: string
  beforeAll(async () => {
    shop = await openShop()
    const answer = await fetch(`${shop.api.url}/api/v1/deployments?service=cart&version=1.1.0`)
    const { items } = (await answer.json()) as { items: DeploymentSummary[] }
    id = items[0]?.deploymentId ?? ''
  }, 120_000)
  afterAll(() => shop.close())

  it('is read with all that is known of it, where only the report is', async () => {
    const answer = await fetch(`${shop.api.url}/api/v1/deployments/${id}/watch`)
    const live: LiveWatch = liveWatchSchema.parse(await answer.json())
    expect(live).toMatchObject({ watch: null, deployment: { id }, gates: [], marks: [] })
    expect(live.headline).toContain('1.1.0')
    expect((await fetch(`${shop.api.url}/api/v1/deployments/none/watch`)).status).toBe(404)
  })

  it('is streamed, and a reader who leaves ends the stream', async () => {
    const leave = new AbortController()
    const answer = await fetch(`${shop.api.url}/api/v1/deployments/${id}/watch/stream`, {
      signal: leave.signal,
    })
    expect(answer.headers.get('content-type')).toContain('text/event-stream')
    let text = ''
    const decoder = new TextDecoder()
    for await (const chunk of answer.body ?? []) {
      text += decoder.decode(chunk as Uint8Array)
      if (text.includes('event: watch') && text.endsWith('\n\n')) break
    }
    leave.abort()
    const data = /^data: (.*)$/m.exec(text)?.[1] ?? ''
    expect(watchTickSchema.parse(JSON.parse(data)).headline).toContain('1.1.0')
  })

  it('has a page with a form for marks, which other sites cannot send', async () => {
    const path = '/releases/cart/1.1.0/watch'
    const page = await fetch(`${shop.api.url}${path}?environment=prod`)
    const text = await page.text()
    expect(page.status).toBe(200)
    expect(text).toContain('Was it right?')
    expect(text).toContain(`data-events="/api/v1/deployments/${id}/watch/stream"`)
    const send = (token: string) =>
      fetch(`${shop.api.url}${path}/mark`, {
        method: 'POST',
        redirect: 'manual',
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          cookie: page.headers
            .getSetCookie()
            .map((cookie) => cookie.split(';')[0])
            .join('; '),
        },
        body: new URLSearchParams({
          _csrf: token,
          environment: 'prod',
          mark: 'missed',
          by: 'ana',
          note: 'slow',
        }),
      })
    expect((await send('guess')).status).toBe(403)
    expect((await send(/name="_csrf" value="([^"]+)"/.exec(text)?.[1] ?? '')).status).toBe(303)
    const again = await (await fetch(`${shop.api.url}${path}?environment=prod`)).text()
    expect(again).toContain('Something was missed, says ana: slow')
  })

  it('counts requests once a minute of them is whole, and says who told of the deployment', async () => {
    const answer = await fetch(`${shop.api.url}/api/v1/deployments/${id}/watch`)
    const live: LiveWatch = liveWatchSchema.parse(await answer.json())
    const at = live.deployment.startedAt
    const facts = (requests: number, share: number | null) => {
      const watch = {
        ...{
          deploymentId: id,
          service: 'cart',
          environment: 'prod',
          version: '1.1.0',
          baselineVersion: '1.0.0',
        },
        ...{
          state: 'watching' as const,
          headline: '',
          openedAt: at,
          closesAt: at,
          lookedAt: at,
          completeTo: at,
        },
        ...{ nextStepAt: null, silentSince: null, share, requests, logE: 0, threshold: 6.9 },
        ...{ blame: null, rollback: null, callers: [], callees: [], signals: [] },
      }
      return watchPage({ live: { ...live, watch }, now: Date.parse(at), token: '' }).replaceAll(
        /<[^>]+>/g,
        '',
      )
    }
    expect(facts(0, 0.333)).toMatch(/Traffic on it33.3 %\s/)
    expect(facts(187, 0.505)).toContain('50.5 % · 187 requests')
    expect(facts(0, 0)).toContain('0 % · 0 requests')
    expect(facts(0, 0)).toContain('deployment seen in telemetry')
  })

  it('that has an alert firing is worse on the first page and on the report, which cannot tell yet', async () => {
    const read = async (path: string) => await (await fetch(`${shop.api.url}${path}`)).text()
    const [first, report] = ['/', '/releases/cart/1.1.0?environment=prod']
    expect(await read(report)).not.toContain('Firing')
    const summary = 'cart 1.1.0: GET /items fails 9x more often'
    const incident = firingIncident(Date.now(), {
      id: `regression-${id}`,
      deploymentId: id,
      service: 'cart',
      environment: 'prod',
      version: '1.1.0',
      summary,
    })
    await storeIncident(shop.bench.store, incident, Date.now())
    // Pages are read again after some seconds.
    await expect.poll(() => read(report), { timeout: 15_000 }).toContain('GET /items fails 9× more often')
    expect(await read(report)).toContain('<p class="headline">cart 1.1.0: GET /items fails 9× more often</p>')
    const told = await startCli(tmpdir(), ['report', 'cart@1.1.0', '--address', shop.api.url]).ended
    expect(told.code).toBe(1)
    expect(told.out).toMatch(/^cart 1\.1\.0: GET \/items fails 9x more often$/m)
    expect(told.out).toMatch(/^By itself this report says: /m)
    await expect.poll(() => read(first), { timeout: 15_000 }).toContain(`href="/alerts#regression-${id}"`)
    const page = await read(first)
    expect(page).not.toContain('No release that made things worse is running')
    expect(page.indexOf('/services/cart')).toBeLessThan(page.indexOf('/services/checkout'))
    await storeIncident(
      shop.bench.store,
      { ...incident, status: 'resolved', endsAt: incident.startsAt, resolution: 'back to normal' },
      Date.now() + 1,
    )
    await expect.poll(() => read(report), { timeout: 15_000 }).not.toContain('Firing')
    const calm = await startCli(tmpdir(), ['report', 'cart@1.1.0', '--address', shop.api.url, '--json']).ended
    expect(JSON.parse(calm.out)).toMatchObject({ alert: null, deployment: { id } })
    expect(calm.code).not.toBe(1)
  })
})
