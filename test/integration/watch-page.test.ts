import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type LiveWatch, liveWatchSchema, watchTickSchema } from '../../schemas/contracts/live-watch.ts'
import type { DeploymentSummary } from '../../schemas/contracts/release.ts'
import { openShop, type Shop } from '../browser/shop.ts'

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
})
