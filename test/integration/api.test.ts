import { Ajv2020 } from 'ajv/dist/2020.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Deployment } from '../../schemas/contracts/deployment.ts'
import type { Problem } from '../../schemas/contracts/problem.ts'
import type { DeploymentSummary } from '../../schemas/contracts/release.ts'
import { type Report, reportSchema } from '../../schemas/contracts/report.ts'
import { seriesSchema } from '../../schemas/contracts/series.ts'
import { openShop, type Shop } from '../browser/shop.ts'

const BAD = '2.7.0%2F%CE%B2'

describe('the API over real reports', () => {
  let shop: Shop
  beforeAll(async () => {
    shop = await openShop()
  })
  afterAll(() => shop.close())

  const ask = (path: string, init?: RequestInit) => fetch(`${shop.api.url}${path}`, init)
  const read = async <T>(path: string): Promise<T> => {
    const answer = await ask(path)
    expect(answer.status, path).toBe(200)
    return (await answer.json()) as T
  }
  const problem = async (path: string, init?: RequestInit): Promise<Problem> => {
    const answer = await ask(path, init)
    expect(answer.headers.get('content-type')).toContain('application/problem+json')
    const body = (await answer.json()) as Problem
    expect(body.status).toBe(answer.status)
    return body
  }

  it('lists services, each environment with its newest deployment', async () => {
    const { items } = await read<{
      items: { service: string; environments: { latest: DeploymentSummary }[] }[]
    }>('/api/v1/services')
    expect(items.map((item) => item.service)).toEqual(['cart', 'checkout'])
    expect(items[1]?.environments[0]?.latest).toMatchObject({
      version: '2.7.0/β',
      state: 'regressed',
      provisional: false,
      adoption: { share: 1 },
    })
    expect(items[0]?.environments[0]?.latest).toMatchObject({ version: '1.1.0', provisional: true })
  })

  it('tells of a release whose version has a slash and a Greek letter', async () => {
    const release = await read<{ version: string; deployments: DeploymentSummary[] }>(
      `/api/v1/releases/checkout/${BAD}`,
    )
    expect(release.version).toBe('2.7.0/β')
    expect(release.deployments).toHaveLength(1)
    const { items } = await read<{ items: { version: string }[] }>('/api/v1/releases?service=checkout')
    expect(items.map((item) => item.version)).toEqual(['2.7.0/β', '2.6.0', '2.5.0'])
  })

  it('answers a report by its contract, with an ETag that saves the second answer', async () => {
    const answer = await ask(`/api/v1/releases/checkout/${BAD}/report?environment=prod`)
    const report = reportSchema.parse(await answer.json()) satisfies Report
    expect(report.state).toBe('regressed')
    const etag = answer.headers.get('etag') ?? ''
    expect(etag).toMatch(/^"[^"]+"$/)
    const again = await ask(`/api/v1/reports/${report.deployment.id}`, {
      headers: { 'if-none-match': `W/${etag}` },
    })
    expect(again.status).toBe(304)
    expect(await again.text()).toBe('')
    const csv = await ask(`/api/v1/reports/${report.deployment.id}`, { headers: { accept: 'text/csv' } })
    expect(csv.headers.get('content-type')).toContain('text/csv')
    expect(csv.headers.get('etag')).not.toBe(etag)
    const lines = (await csv.text()).trim().split('\r\n')
    expect(lines).toHaveLength(report.verdicts.length + 1)
    expect(lines[0]).toContain('signal,title,dimension,word')
  })

  it('filters, sorts and pages deployments, each exactly once', async () => {
    const seen: string[] = []
    let cursor: string | null = null
    do {
      const page: { items: DeploymentSummary[]; nextCursor: string | null } = await read(
        `/api/v1/deployments?limit=2&sort=startedAt${cursor === null ? '' : `&cursor=${cursor}`}`,
      )
      expect(page.items.length).toBeLessThanOrEqual(2)
      seen.push(...page.items.map((item) => `${item.service} ${item.version}`))
      cursor = page.nextCursor
    } while (cursor !== null)
    expect(seen).toHaveLength(5)
    expect(new Set(seen).size).toBe(5)
    expect(seen[0]).toBe('checkout 2.5.0')
    const states = async (query: string) =>
      (await read<{ items: DeploymentSummary[] }>(`/api/v1/deployments?${query}`)).items.map(
        (item) => item.version,
      )
    expect(await states('state=regressed')).toEqual(['2.7.0/β'])
    expect(await states('service=cart&sort=version')).toEqual(['1.0.0', '1.1.0'])
    expect(await states(`from=${new Date(Date.now() + 3600_000).toISOString()}`)).toEqual([])
    const reports = await ask('/api/v1/reports?format=csv&provisional=true')
    expect((await reports.text()).split('\r\n')).toHaveLength(3)
  })

  it('records a deployment once, however often it is told', async () => {
    const told = { service: 'search', version: '1 & "x"', startedAt: '2026-01-02T03:04:05.000Z' }
    const post = () =>
      ask('/api/v1/deployments', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(told),
      })
    const first = await post()
    expect(first.status).toBe(201)
    const deployment = (await first.json()) as Deployment
    expect(first.headers.get('location')).toBe(`/api/v1/deployments/${deployment.id}`)
    expect(((await (await post()).json()) as Deployment).id).toBe(deployment.id)
    expect(await read(`/api/v1/deployments/${deployment.id}`)).toMatchObject({ version: told.version })
    const { items } = await read<{ items: DeploymentSummary[] }>('/api/v1/deployments?service=search')
    expect(items).toHaveLength(1)
    expect(items[0]).toMatchObject({ state: null, headline: null })
    expect(await problem('/api/v1/releases/search/1%20%26%20%22x%22/report')).toMatchObject({
      code: 'REPORT_NOT_READY',
      retryable: true,
    })
    const page = await (await ask('/releases/search/1%20%26%20%22x%22')).text()
    expect(page).toContain('No report yet')
    expect(page).not.toContain('1 & "x"')
  })

  it('draws a series on both versions, with zeros before an exception was there', async () => {
    const { items } = await read<{ items: DeploymentSummary[] }>('/api/v1/deployments?version=2.7.0%2F%CE%B2')
    const id = items[0]?.deploymentId
    const latency = seriesSchema.parse(await read(`/api/v1/deployments/${id}/series?signal=latency.server`))
    expect(new Set(latency.lines.map((line) => `${line.role} ${line.statistic}`))).toEqual(
      new Set(['before p50', 'before p95', 'before p99', 'after p50', 'after p95', 'after p99']),
    )
    const exceptions = seriesSchema.parse(
      await read(`/api/v1/deployments/${id}/series?signal=exceptions.rate`),
    )
    const before = exceptions.lines.find((line) => line.role === 'before')
    const served = before?.values.filter((value) => value !== null) ?? []
    expect(served.length).toBeGreaterThan(60)
    expect(new Set(served)).toEqual(new Set([0]))
  })

  it('compares two releases, and follows a signal over all of them', async () => {
    const comparison = await read<{ deltas: { signal: string; word: string; dimension: string }[] }>(
      `/api/v1/compare?service=checkout&a=2.6.0&b=${BAD}`,
    )
    expect(comparison.deltas).toContainEqual(
      expect.objectContaining({ signal: 'latency.server', dimension: 'POST /pay', word: 'regressed' }),
    )
    const trend = await read<{ points: { version: string; word: string }[] }>(
      '/api/v1/trends?service=checkout&signal=latency.server',
    )
    expect(trend.points.map((point) => point.version)).toEqual(['2.6.0', '2.7.0/β'])
    expect(trend.points.at(-1)?.word).toBe('regressed')
  })

  it('says what is wrong with a request, field by field', async () => {
    const bad = await problem('/api/v1/deployments?limit=x&colour=red')
    expect(bad).toMatchObject({ status: 400, code: 'INVALID_REQUEST' })
    expect(bad.errors).toEqual([
      { field: 'query.limit', expected: 'number', got: '"x"' },
      { field: 'query.colour', expected: 'no such field', got: '"red"' },
    ])
    expect(await problem('/api/v1/deployments?cursor=nonsense')).toMatchObject({ code: 'INVALID_REQUEST' })
    const json = { 'content-type': 'application/json' }
    const body = await problem('/api/v1/deployments', {
      method: 'POST',
      headers: json,
      body: '{"version":"1"}',
    })
    expect(body.errors?.map((error) => error.field)).toEqual(['body.service'])
    for (const share of ['300', '-1', 'abc', '0', '100%']) {
      const told = { service: 'checkout', version: '9', attributes: { canaryShare: share } }
      const refused = { method: 'POST', headers: json, body: JSON.stringify(told) }
      expect((await problem('/api/v1/deployments', refused)).errors).toEqual([
        {
          field: 'body.attributes.canaryShare',
          expected: expect.stringMatching(/^a share above 0 and below 1/),
          got: `"${share}"`,
        },
      ])
    }
    expect(await problem('/api/v1/deployments', { method: 'POST', headers: json, body: '{' })).toMatchObject({
      status: 400,
      code: 'INVALID_REQUEST',
    })
    expect(
      await problem('/api/v1/deployments', {
        method: 'POST',
        headers: { 'content-type': 'text/plain' },
        body: '{}',
      }),
    ).toMatchObject({ status: 415 })
    expect(
      await problem('/api/v1/deployments', {
        method: 'POST',
        headers: json,
        body: `"${'x'.repeat(2 ** 20)}"`,
      }),
    ).toMatchObject({ status: 413, code: 'PAYLOAD_TOO_LARGE' })
  })

  it('knows 404 from 405', async () => {
    expect(await problem('/api/v1/releases/checkout/9.9.9')).toMatchObject({
      status: 404,
      code: 'RELEASE_NOT_FOUND',
    })
    expect(await problem('/api/v1/services/none')).toMatchObject({ status: 404, code: 'SERVICE_NOT_FOUND' })
    expect(await problem('/api/v1/trends?service=checkout&signal=none')).toMatchObject({
      code: 'SIGNAL_NOT_FOUND',
    })
    expect(await problem('/api/v1/deployments/none')).toMatchObject({ code: 'DEPLOYMENT_NOT_FOUND' })
    expect(await problem('/api/v1/nothing')).toMatchObject({ status: 404, code: 'NOT_FOUND' })
    const wrong = await ask('/api/v1/deployments', { method: 'PUT' })
    expect(wrong.status).toBe(405)
    expect(wrong.headers.get('allow')).toBe('GET, HEAD, POST')
    const page = await ask('/releases/checkout/9.9.9', { headers: { accept: 'text/html' } })
    expect(page.status).toBe(404)
    expect(await page.text()).toContain('What to do:')
  })

  it('answers pages with headers that keep other sites and inline scripts out', async () => {
    const answer = await ask('/')
    const policy = answer.headers.get('content-security-policy') ?? ''
    expect(policy).toContain("script-src 'self';")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
    expect(await answer.text()).not.toMatch(/<script(?![^>]*(src=|application\/json))/)
  })

  it('serves an OpenAPI document whose references, ids and schemas hold', async () => {
    const document = await read<{
      openapi: string
      paths: Record<
        string,
        Record<string, { operationId: string; parameters?: { name: string; in: string }[] }>
      >
    }>('/api/openapi.json')
    expect(document.openapi).toBe('3.1.0')
    const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.values(methods).map((operation) => ({ path, ...operation })),
    )
    expect(operations.length).toBeGreaterThan(18)
    const ids = operations.map((operation) => operation.operationId)
    expect(new Set(ids).size).toBe(ids.length)
    for (const { path, parameters } of operations) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1])
      expect((parameters ?? []).filter((one) => one.in === 'path').map((one) => one.name)).toEqual(inPath)
    }
    const ajv = new Ajv2020({ strict: false, validateFormats: false })
    let schemas = 0
    const visit = (node: unknown): void => {
      if (Array.isArray(node)) for (const part of node) visit(part)
      else if (typeof node === 'object' && node !== null) {
        for (const [name, part] of Object.entries(node)) {
          if (name === 'schema') {
            schemas += 1
            expect(ajv.validateSchema(part as object), JSON.stringify(ajv.errors)).toBe(true)
          } else visit(part)
        }
      }
    }
    visit(document.paths)
    expect(schemas).toBeGreaterThan(50)
  })

  it('has a reader’s page that names no other host', async () => {
    const page = await (await ask('/api/docs/')).text()
    expect(page).toContain('/api/openapi.json')
    expect(page).not.toMatch(/(src|href)="(https?:)?\/\//)
  })

  it('is healthy and ready', async () => {
    expect(await read('/healthz')).toEqual({ status: 'ok' })
    expect(await read('/readyz')).toEqual({ status: 'ok' })
  })
})
