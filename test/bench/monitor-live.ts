import { seededRandom } from '../../analytics/stats/random.ts'

/** A service that is called without end, as an SDK would tell of it: OTLP over HTTP, once a second, with everything that happened since. */
export interface LiveService {
  readonly name: string
  version: string
  /** Of the requests. */
  failures: number
}

export interface LiveOptions {
  readonly otlpUrl: string
  readonly perSecond: number
  /** Names of gauges that each service sends every ten seconds. */
  readonly gauges: readonly string[]
  readonly seed: number
}

const ROUTES = ['GET /cart', 'POST /pay', 'GET /orders/{id}'] as const
const SECOND = 1_000
/** Seconds that one request holds at most. */
const AT_ONCE = 30

/** Load on some services until stopped. What cannot be delivered is sent again, as an exporter does. */
export class LiveLoad {
  readonly services: readonly LiveService[]
  readonly #options: LiveOptions
  readonly #random: () => number
  readonly #timers: NodeJS.Timeout[] = []
  /** Milliseconds of the first failed request, by service and version. */
  readonly firstFailure = new Map<string, number>()
  /** Resources with spans or metrics that are not sent yet, a list a second, and the request that is under way. */
  readonly #waiting = { resourceSpans: [] as object[][], resourceMetrics: [] as object[][] }
  #request: { readonly path: string; readonly body: string } | undefined
  #sending: Promise<void> = Promise.resolve()
  #ticks = 0

  constructor(services: readonly LiveService[], options: LiveOptions) {
    this.services = services
    this.#options = options
    this.#random = seededRandom(options.seed)
  }

  start(): void {
    this.#timers.push(setInterval(() => this.#tick(Date.now()), SECOND))
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    await this.#sending
  }

  #tick(now: number): void {
    this.#ticks += 1
    const traces: object[] = []
    const metrics: object[] = []
    for (const service of this.services) {
      traces.push({ resource: resourceOf(service), scopeSpans: [{ spans: this.#spans(service, now) }] })
      if (this.#ticks % 10 === 1) {
        const points = this.#options.gauges.map((name) => ({
          name,
          unit: '1',
          gauge: { dataPoints: [{ timeUnixNano: nanos(now), asDouble: 10 + this.#random() }] },
        }))
        metrics.push({ resource: resourceOf(service), scopeMetrics: [{ metrics: points }] })
      }
    }
    this.#waiting.resourceSpans.push(traces)
    if (metrics.length > 0) this.#waiting.resourceMetrics.push(metrics)
    this.#sending = this.#sending.then(() => this.#send())
  }

  async #send(): Promise<void> {
    for (let request = this.#next(); request !== undefined; request = this.#next()) {
      const answer = await fetch(`${this.#options.otlpUrl}${request.path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: request.body,
      }).catch(() => undefined)
      // Whoever does not answer is asked again with the next tick, the same.
      if (answer?.ok !== true) return
      this.#request = undefined
    }
  }

  /** All that waits of one kind in one request, as an exporter that is behind sends it. */
  #next(): { readonly path: string; readonly body: string } | undefined {
    if (this.#request !== undefined) return this.#request
    const { resourceSpans, resourceMetrics } = this.#waiting
    if (resourceSpans.length > 0)
      this.#request = {
        path: '/v1/traces',
        body: JSON.stringify({ resourceSpans: resourceSpans.splice(0, AT_ONCE).flat() }),
      }
    else if (resourceMetrics.length > 0)
      this.#request = {
        path: '/v1/metrics',
        body: JSON.stringify({ resourceMetrics: resourceMetrics.splice(0, AT_ONCE).flat() }),
      }
    return this.#request
  }

  #spans(service: LiveService, now: number): object[] {
    const spans: object[] = []
    for (let i = 0; i < this.#options.perSecond; i++) {
      const at = now - this.#random() * SECOND
      const failed = this.#random() < service.failures
      const seconds = 0.03 * Math.exp(0.5 * (this.#random() + this.#random() + this.#random() - 1.5))
      if (failed) {
        const key = `${service.name} ${service.version}`
        if (!this.firstFailure.has(key)) this.firstFailure.set(key, at)
      }
      const [method, route] = (ROUTES[i % ROUTES.length] as string).split(' ')
      const traceId = this.#hex(32)
      const spanId = this.#hex(16)
      spans.push({
        traceId,
        spanId,
        name: `${method} ${route}`,
        kind: 2,
        startTimeUnixNano: nanos(at),
        endTimeUnixNano: nanos(at + seconds * 1000),
        attributes: attributes({
          'http.request.method': method,
          'http.route': route,
          'http.response.status_code': failed ? '500' : '200',
        }),
        status: failed ? { code: 2 } : {},
        events:
          failed && this.#random() < 0.5
            ? [
                {
                  name: 'exception',
                  timeUnixNano: nanos(at),
                  attributes: attributes({
                    'exception.type': 'TimeoutError',
                    'exception.message': 'no answer',
                  }),
                },
              ]
            : [],
      })
      if (i % 5 === 0) {
        spans.push({
          traceId,
          spanId: this.#hex(16),
          parentSpanId: spanId,
          name: 'SELECT',
          kind: 3,
          startTimeUnixNano: nanos(at),
          endTimeUnixNano: nanos(at + 3),
          attributes: attributes({
            'db.system.name': 'postgresql',
            'db.query.text': 'SELECT * FROM cart WHERE id = $1',
          }),
        })
      }
    }
    return spans
  }

  #hex(length: number): string {
    let text = ''
    while (text.length < length)
      text += Math.floor(this.#random() * 2 ** 32)
        .toString(16)
        .padStart(8, '0')
    return text.slice(0, length)
  }
}

function resourceOf({ name, version }: LiveService): object {
  return {
    attributes: attributes({
      'service.name': name,
      'service.version': version,
      'service.instance.id': `${name}-1`,
      'deployment.environment.name': 'production',
    }),
  }
}

function attributes(of: Readonly<Record<string, string | undefined>>): object[] {
  return Object.entries(of).map(([key, value]) => ({ key, value: { stringValue: value ?? '' } }))
}

function nanos(milliseconds: number): string {
  return `${Math.floor(milliseconds * 1000)}000`
}
