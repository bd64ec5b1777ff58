import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readExposition } from '../../ingest/collectors/prometheus/exposition.ts'
import { prometheusCollector } from '../../ingest/collectors/prometheus/scrape.ts'
import { collectorsSchema } from '../../schemas/collectors.ts'
import { freePorts } from '../peers/free-port.ts'

const LIMITS = { maxBytes: 2 ** 24, maxSamples: 50_000, maxLine: 65_536 }
const OPEN = 'application/openmetrics-text;version=1.0.0'
const TEXT = 'text/plain;version=0.0.4'

/** What no client writes, in OpenMetrics. */
const RARE = `# TYPE foo_seconds counter
# UNIT foo_seconds seconds
# HELP foo_seconds Quotes " and \\\\ and \\n.
foo_seconds_total{a="x\\\\y\\n\\"z",b="é"} 17.5
foo_seconds_created{a="x\\\\y\\n\\"z",b="é"} 1520430000.123
# TYPE s stateset
s{s="on"} 1
s{s="off"} 0
# TYPE i info
i_info{v="1"} 1
# TYPE gh gaugehistogram
gh_bucket{le="1.0"} 2
gh_bucket{le="+Inf"} 3
gh_gcount 3
gh_gsum -4e-7
# TYPE odd unknown
odd{n="1"} +Inf
odd{n="2"} NaN
odd{n="3"} 1e+300
# EOF
`

/** One exposition, read by Prometheus and by us. */
describe('the parser reads what Prometheus reads', () => {
  let folder: string
  let fixture: Server
  let prometheusUrl: string
  let exporterUrl: string
  const children: ChildProcess[] = []
  const pages = new Map<string, { readonly type: string; readonly body: string }>()
  const start = (program: string, ...args: string[]) =>
    children.push(spawn(program, args, { stdio: 'ignore', cwd: folder }))

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'postflight-prometheus-'))
    fixture = createServer((request, response) => {
      const page = pages.get(request.url ?? '')
      response.statusCode = page === undefined ? 404 : 200
      response.setHeader('content-type', page?.type ?? TEXT)
      response.end(page?.body)
    }).listen(0, '127.0.0.1')
    await new Promise((listening) => fixture.once('listening', listening))
    const { port } = fixture.address() as { port: number }
    const [exporter, prometheus] = (await freePorts(2)) as [number, number]
    exporterUrl = `http://127.0.0.1:${exporter}/metrics`
    prometheusUrl = `http://127.0.0.1:${prometheus}`
    const jobs = ['exporter', 'text', 'python', 'rare'].map((name) => ({
      job_name: name,
      honor_labels: true,
      metrics_path: `/${name}`,
      static_configs: [{ targets: [`127.0.0.1:${port}`] }],
    }))
    const settings = { global: { scrape_interval: '1s', scrape_timeout: '1s' }, scrape_configs: jobs }
    await writeFile(join(folder, 'prometheus.yml'), JSON.stringify(settings))
    start('prometheus-node-exporter', `--web.listen-address=127.0.0.1:${exporter}`)
    start(
      'prometheus',
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${prometheus}`,
    )
    const page = async (url: string, type: string) =>
      await answered(async () => {
        const answer = await fetch(url, { headers: { accept: type } })
        return answer.ok
          ? { type: answer.headers.get('content-type') ?? '', body: await answer.text() }
          : undefined
      })
    pages.set('/exporter', await page(exporterUrl, TEXT))
    pages.set('/text', await page(`${prometheusUrl}/metrics`, TEXT))
    const python = await promisify(execFile)('/usr/bin/python3', [
      join(import.meta.dirname, 'prometheus-client.py'),
    ])
    pages.set('/python', { type: OPEN, body: python.stdout })
    pages.set('/rare', { type: OPEN, body: RARE })
  })
  afterAll(async () => {
    for (const child of children) {
      const ended = new Promise((done) => child.once('exit', done))
      child.kill('SIGKILL')
      await ended
    }
    fixture?.close()
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  })

  it.each([
    ['exporter', false, 300],
    ['text', false, 200],
    ['python', true, 25],
    ['rare', true, 12],
  ])('%s', async (job, open, atLeast) => {
    const page = pages.get(`/${job}`)
    expect(page?.type.includes('openmetrics')).toBe(open)
    const body = new Response(page?.body).body as AsyncIterable<Uint8Array>
    const ours = await readExposition(body, open, LIMITS)
    expect(ours.problems).toEqual([])
    const own = new Map(
      ours.families
        .flatMap(({ samples }) => samples)
        .map(({ name, labels, value }) => [keyOf({ __name__: name, ...Object.fromEntries(labels) }), value]),
    )
    expect(own.size).toBeGreaterThanOrEqual(atLeast)
    const theirs = await answered(async () => {
      const query = new URLSearchParams({ query: `{instance!="", job="${job}"}` })
      const answer = await fetch(`${prometheusUrl}/api/v1/query?${query}`)
      const { data } = (await answer.json()) as {
        data: { result: { metric: Record<string, string>; value: [number, string] }[] }
      }
      const scraped = data.result.filter(({ metric }) => !/^(up$|scrape_)/.test(metric['__name__'] ?? ''))
      return scraped.length === 0 ? undefined : scraped
    })
    const found = new Map(
      theirs.map(({ metric: { job: _job, instance: _instance, ...metric }, value }) => [
        keyOf(metric),
        Number(value[1].replace('Inf', 'Infinity')),
      ]),
    )
    expect([...found.keys()].sort()).toEqual([...own.keys()].sort())
    expect(new Map([...own].sort())).toEqual(new Map([...found].sort()))
  })

  it("and Python's client in full", async () => {
    const settings = collectorsSchema.parse({
      prometheus: [{ url: `http://127.0.0.1:${(fixture.address() as { port: number }).port}/python` }],
    })
    const collector = prometheusCollector(
      settings.prometheus[0] as (typeof settings.prometheus)[number],
      (message) => expect(message).toBe(''),
    )
    const [batch] = await collector.collect({ time: Date.now(), signal: AbortSignal.timeout(10_000) })
    const jobs = batch?.metrics.find(({ name }) => name === 'jobs_total')
    const traceId = '0af7651916cd43dd8448eb211c80319c'
    expect(jobs).toMatchObject({
      kind: 'counter',
      description: 'Jobs "done"\nby kind',
      points: [
        { attributes: { kind: 'a"b\\c\nd' }, value: 3.5, exemplars: [{ traceId, value: 3.5 }] },
        { attributes: { kind: 'é' }, value: 1 },
      ],
    })
    // Its creation time.
    expect(Date.now() - (jobs?.points[0]?.start ?? 0)).toBeLessThan(120_000)
    expect(batch?.metrics.find(({ name }) => name === 'took_seconds')).toMatchObject({
      kind: 'histogram',
      unit: 's',
      points: [{ count: 5, sum: 103.401, exemplars: Array(4).fill({ traceId, spanId: 'b7ad6b7169203331' }) }],
    })
  })

  it('and a real exporter is scraped without a word of complaint', async () => {
    const settings = collectorsSchema.parse({ prometheus: [{ url: exporterUrl, startTime: 'observed' }] })
    const warnings: string[] = []
    const collector = prometheusCollector(
      settings.prometheus[0] as (typeof settings.prometheus)[number],
      (message) => void (message === '' || warnings.push(message)),
    )
    const scrape = (time: number) => collector.collect({ time, signal: AbortSignal.timeout(10_000) })
    await scrape(1000)
    const [batch] = await scrape(2000)
    expect(warnings).toEqual([])
    const cpu = batch?.metrics.find(({ name }) => name === 'node_cpu_seconds_total')
    expect(cpu).toMatchObject({ kind: 'counter', unit: 's' })
    expect(cpu?.points[0]?.start).toBe(1000)
  })
})

function keyOf(labels: Record<string, string>): string {
  return JSON.stringify(
    Object.entries(labels)
      .filter(([, value]) => value !== '')
      .sort(),
  )
}

async function answered<T>(ask: () => Promise<T | undefined>): Promise<T> {
  for (const until = performance.now() + 60_000; ; ) {
    const found = await ask().catch(() => undefined)
    if (found !== undefined) return found
    if (performance.now() > until) throw new Error('no answer within a minute')
    await sleep(200)
  }
}
