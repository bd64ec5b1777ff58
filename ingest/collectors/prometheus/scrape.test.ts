import { createServer, type Server } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { collectorsSchema } from '../../../schemas/collectors.ts'
import type { Metric, ResourceMetrics } from '../metric.ts'
import { oncePerReason } from '../once-per-reason.ts'
import { prometheusCollector } from './scrape.ts'

const T = 1_790_000_000_000
const OPEN = 'application/openmetrics-text; version=1.0.0; charset=utf-8'

let server: Server | undefined
afterEach(() => server?.close())

interface Answer {
  readonly body: string
  readonly type?: string
  readonly status?: number
  /** The header that is wanted. */
  readonly authorization?: string
}

async function target(settings: object, answers: Answer[]) {
  server = createServer((request, response) => {
    const answer = answers.length > 1 ? answers.shift() : answers[0]
    const allowed =
      answer?.authorization === undefined || answer.authorization === request.headers.authorization
    response.statusCode = allowed ? (answer?.status ?? 200) : 401
    response.setHeader('content-type', answer?.type ?? 'text/plain; version=0.0.4')
    response.end(answer?.body)
  }).listen(0, '127.0.0.1')
  await new Promise((listening) => server?.once('listening', listening))
  const { port } = server.address() as { port: number }
  const url = `http://127.0.0.1:${port}/metrics`
  const { prometheus } = collectorsSchema.parse({ prometheus: [{ url, name: 'checkout', ...settings }] })
  const warnings: string[] = []
  const collector = prometheusCollector(
    prometheus[0] as (typeof prometheus)[number],
    oncePerReason((message) => warnings.push(message)),
  )
  const scrape = (time = T) => collector.collect({ time, signal: AbortSignal.timeout(5000) })
  return { scrape, warnings, host: `127.0.0.1:${port}` }
}

const metricOf = (batches: readonly ResourceMetrics[], name: string): Metric => {
  const metric = batches.flatMap(({ metrics }) => metrics).find((each) => each.name === name)
  if (metric === undefined) throw new Error(`no metric ${name}`)
  return metric
}

describe('a scrape', () => {
  it('turns every type into what OTLP calls it', async () => {
    const { scrape, warnings, host } = await target({}, [
      {
        type: OPEN,
        body: `# TYPE req counter
req_total{code="200"} 5 # {trace_id="0af7651916cd43dd8448eb211c80319c",user="x"} 1 1789999999
req_created{code="200"} 1789990000
# TYPE lat_seconds histogram
# UNIT lat_seconds seconds
lat_seconds_bucket{le="0.1"} 2
lat_seconds_bucket{le="1.0"} 5
lat_seconds_bucket{le="+Inf"} 6
lat_seconds_sum 3.5
lat_seconds_count 6
# TYPE size_bytes summary
size_bytes{quantile="0.5"} 10
size_bytes_sum 100
size_bytes_count 7
# TYPE temp gauge
temp{room=""} 21.5
# TYPE state stateset
state{state="on"} 1
# TYPE build info
build_info{version="1"} 1
# TYPE pool gaugehistogram
pool_bucket{le="+Inf"} 3
pool_gcount 3
pool_gsum 9
# TYPE process_start_time_seconds gauge
process_start_time_seconds 1789980000
# EOF
`,
      },
    ])
    const batches = await scrape()
    expect(warnings).toEqual([])
    expect(batches).toHaveLength(1)
    expect(batches[0]?.resource).toEqual({
      'service.name': 'checkout',
      'service.instance.id': host,
      'deployment.environment.name': 'default',
    })
    expect(metricOf(batches, 'req_total')).toMatchObject({
      kind: 'counter',
      points: [
        {
          attributes: { code: '200' },
          value: 5,
          start: 1789990000000,
          exemplars: [
            {
              traceId: '0af7651916cd43dd8448eb211c80319c',
              attributes: { user: 'x' },
              value: 1,
              time: 1789999999000,
            },
          ],
        },
      ],
    })
    expect(metricOf(batches, 'lat_seconds')).toEqual({
      kind: 'histogram',
      name: 'lat_seconds',
      unit: 's',
      points: [
        { attributes: {}, count: 6, sum: 3.5, bounds: [0.1, 1], counts: [2, 3, 1], start: 1789980000000 },
      ],
    })
    expect(metricOf(batches, 'size_bytes')).toMatchObject({
      kind: 'summary',
      unit: 'By',
      points: [{ count: 7, sum: 100, quantiles: [{ quantile: 0.5, value: 10 }] }],
    })
    for (const name of ['temp', 'state', 'build_info', 'pool_bucket', 'pool_gcount', 'pool_gsum'])
      expect(metricOf(batches, name).kind).toBe('gauge')
    expect(metricOf(batches, 'temp').points[0]?.attributes).toEqual({})
  })

  it("takes service and version from labels, a build's info and the target's own", async () => {
    const { scrape } = await target(
      { version: '0', labels: { 'service.name': 'app', 'service.version': 'app_build_info{version}' } },
      [
        {
          body: `target_info{service_instance_id="pod-1"} 1
app_build_info{version="2.7.0"} 1
requests{app="cart",code="200"} 1
requests{app="pay",code="200"} 2
requests{code="200"} 3
`,
        },
      ],
    )
    const found = (await scrape()).flatMap(({ resource, metrics }) =>
      metrics.filter(({ name }) => name === 'requests').flatMap(({ points }) => [{ resource, points }]),
    )
    const rest = { 'service.version': '2.7.0', 'service.instance.id': 'pod-1' }
    expect(found).toMatchObject([
      { resource: { ...rest, 'service.name': 'checkout' }, points: [{ value: 3 }] },
      { resource: { ...rest, 'service.name': 'cart' }, points: [{ value: 1 }] },
      { resource: { ...rest, 'service.name': 'pay' }, points: [{ value: 2 }] },
    ])
    expect(found[1]?.points[0]?.attributes).toEqual({ code: '200' })
  })

  it('knows resets without a start, and says what is gone', async () => {
    const type = '# TYPE a_total counter\n'
    const { scrape } = await target({}, [
      { body: `${type}a_total 5\nb 1\n` },
      { body: `${type}a_total 9\n` },
      { body: `${type}a_total 2\n` },
      { body: `${type}a_total 3\n` },
    ])
    const starts = []
    for (const minute of [0, 1, 2, 3]) {
      const batches = await scrape(T + minute * 60_000)
      starts.push((metricOf(batches, 'a_total').points[0]?.start ?? 0) - T)
      if (minute === 1) expect(metricOf(batches, 'b').points).toMatchObject([{ gone: true }])
      if (minute === 2) expect(batches.flatMap(({ metrics }) => metrics)).toHaveLength(1)
    }
    expect(starts).toEqual([0, 0, 60_000, 60_000])
  })

  it("counts from Python's own creation times in the text format", async () => {
    const { scrape } = await target({}, [
      {
        body: `# TYPE job_total counter
job_total 5
# TYPE job_created gauge
job_created 1.789e9
`,
      },
    ])
    const batches = await scrape()
    expect(metricOf(batches, 'job_total').points).toMatchObject([{ value: 5, start: 1.789e12 }])
    expect(batches.flatMap(({ metrics }) => metrics)).toHaveLength(1)
  })

  it('leaves out what is broken, and says so once', async () => {
    const { scrape, warnings } = await target({}, [
      {
        body: `# TYPE h histogram
h_bucket{le="1",a="1"} 5
h_bucket{le="+Inf",a="1"} 3
h_bucket{le="+Inf",a="2"} 4
h_count{a="2"} 4
nonsense
x 1
x 2
`,
      },
    ])
    const batches = await scrape()
    expect(metricOf(batches, 'h').points).toMatchObject([{ attributes: { a: '2' }, counts: [4] }])
    expect(metricOf(batches, 'x').points).toMatchObject([{ value: 1 }])
    await scrape()
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain('line 6: expected a value at column 9')
    expect(warnings[0]).toContain('the buckets do not rise')
    expect(warnings[0]).toContain('1 series stand twice')
  })

  it.each([
    [{ body: '', status: 503 }, 'status 503'],
    [{ body: '<html>', type: 'text/html' }, 'text/html'],
    [{ body: 'Hello, World' }, 'No line of its answer'],
    [{ body: 'a 1\n', type: OPEN }, 'cut off'],
  ])('fails on %j', async (answer, message) => {
    const { scrape } = await target({}, [answer])
    await expect(scrape()).rejects.toThrow(message)
  })

  it('shows its bearer token, or name and password', async () => {
    const bearer = await target({ bearerToken: 'hush' }, [{ body: 'a 1\n', authorization: 'Bearer hush' }])
    expect(await bearer.scrape()).toHaveLength(1)
    server?.close()
    const basic = await target({ username: 'me', password: 'hush' }, [
      { body: 'a 1\n', authorization: 'Basic bWU6aHVzaA==' },
    ])
    expect(await basic.scrape()).toHaveLength(1)
    server?.close()
    const none = await target({}, [{ body: 'a 1\n', authorization: 'Bearer hush' }])
    await expect(none.scrape()).rejects.toThrow('status 401')
  })
})
