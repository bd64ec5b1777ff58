import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { encode, official } from '../conformance/official.ts'

/** Records that a request has, the last of which is too old to be stored in some of them. */
const RECORDS = 20
const TOO_OLD_EVERY = 25
const TOO_OLD = 100 * 86_400_000
/** Milliseconds: as SDKs wait for an answer, and how long they try again with one request. */
const ANSWER_WITHIN = 10_000
const TRY_FOR = 120_000
const RETRIED = new Set([429, 502, 503, 504])

export interface SendersOptions {
  readonly url: string
  /** Requests under way at once. */
  readonly connections: number
  /** Numbers between 0 and 1. */
  readonly random: () => number
  /** Of the first record; each has one of its own. */
  readonly firstId: number
  /** Milliseconds between two requests of a connection; left out: none. */
  readonly pause?: number
}

/** Senders that retry as the OpenTelemetry SDKs do, and remember what was acknowledged. Each record carries an id as `fault-<id>.`. */
export class Senders {
  readonly acknowledged = new Set<number>()
  /** Sent and never acknowledged: may be stored, once. */
  readonly abandoned = new Set<number>()
  /** Attempts that failed and were repeated. */
  repeated = 0
  private readonly options: SendersOptions
  private readonly agent: Agent
  private nextId: number
  private requests = 0
  private stopping = false
  private readonly loops: Promise<void>[]

  constructor(options: SendersOptions) {
    this.options = options
    this.nextId = options.firstId
    this.agent = new Agent({ keepAlive: true, maxSockets: options.connections })
    this.loops = Array.from({ length: options.connections }, () => this.loop())
  }

  get next(): number {
    return this.nextId
  }

  /** Resolves when so many more records are acknowledged. @throws Error if none is for two minutes */
  async acknowledge(records: number): Promise<void> {
    const goal = this.acknowledged.size + records
    let [known, since] = [this.acknowledged.size, performance.now()]
    while (this.acknowledged.size < goal) {
      if (this.acknowledged.size > known) [known, since] = [this.acknowledged.size, performance.now()]
      if (performance.now() - since > TRY_FOR) throw new Error('Nothing was acknowledged for two minutes')
      await sleep(20)
    }
  }

  /** Sends nothing new; resolves when all that was sent is acknowledged or given up. */
  async stop(): Promise<void> {
    this.stopping = true
    await Promise.all(this.loops)
    this.agent.destroy()
  }

  private async loop(): Promise<void> {
    while (!this.stopping) {
      const number = this.requests++
      const ids = Array.from({ length: RECORDS }, () => this.nextId++)
      const { path, body } = exportRequest(number, ids)
      const done = await this.deliver(path, body)
      for (const id of ids) (done ? this.acknowledged : this.abandoned).add(id)
      if (this.options.pause !== undefined) await sleep(this.options.pause)
    }
  }

  private async deliver(path: string, body: Buffer): Promise<boolean> {
    const until = performance.now() + TRY_FOR
    for (let attempt = 0; ; attempt++) {
      const status = await this.post(path, body).catch(() => 0)
      if (status === 200) return true
      if (status !== 0 && !RETRIED.has(status)) throw new Error(`${path} was answered with ${status}`)
      this.repeated++
      const pause = Math.min(1_000, 50 * 2 ** attempt) * (0.5 + this.options.random())
      if (performance.now() + pause > until) return false
      await sleep(pause)
    }
  }

  private post(path: string, body: Buffer): Promise<number> {
    return new Promise((resolve, reject) => {
      const call = request(
        `${this.options.url}${path}`,
        {
          agent: this.agent,
          method: 'POST',
          timeout: ANSWER_WITHIN,
          headers: { 'content-type': 'application/x-protobuf', 'content-length': body.length },
        },
        (response) => {
          response.resume()
          response.on('end', () => resolve(response.statusCode ?? 0))
          response.on('error', reject)
        },
      )
      call.on('timeout', () => call.destroy(new Error('no answer')))
      call.on('error', reject)
      call.end(body)
    })
  }
}

const text = (key: string, value: string) => ({ key, value: { stringValue: value } })

/** Logs, spans and points in turn. */
function exportRequest(number: number, ids: readonly number[]): { path: string; body: Buffer } {
  const now = Date.now()
  const tooOld = number % TOO_OLD_EVERY === 0
  const time = (i: number) =>
    BigInt(tooOld && i === ids.length - 1 ? now - TOO_OLD : now - (i % 3) * 1000) * 1_000_000n
  const mark = (id: number) => [text('fault.id', `fault-${id}.`)]
  const resource = {
    attributes: [
      text('service.name', ['gateway', 'checkout'][number % 2] as string),
      text('service.version', '1.0.0'),
      text('deployment.environment.name', 'test'),
      text('service.instance.id', 'a'),
    ],
  }
  const spanId = (id: number) => {
    const bytes = Buffer.alloc(8)
    bytes.writeUInt32BE(1, 0)
    bytes.writeUInt32BE(id, 4)
    return bytes
  }
  switch (number % 3) {
    case 0: {
      const logRecords = ids.map((id, i) => ({
        timeUnixNano: String(time(i)),
        severityNumber: i % 5 === 0 ? 17 : 9,
        body: { stringValue: 'stock was counted' },
        attributes: mark(id),
      }))
      const message = { resourceLogs: [{ resource, scopeLogs: [{ logRecords }] }] }
      return { path: '/v1/logs', body: encode(official.logs, message) }
    }
    case 1: {
      const spans = ids.map((id, i) => ({
        traceId: Buffer.concat([spanId(id), spanId(id)]),
        spanId: spanId(id),
        name: 'GET /stock',
        kind: 2,
        startTimeUnixNano: String(time(i)),
        endTimeUnixNano: String(time(i) + 5_000_000n),
        attributes: [text('http.request.method', 'GET'), text('http.route', '/stock'), ...mark(id)],
      }))
      const message = { resourceSpans: [{ resource, scopeSpans: [{ spans }] }] }
      return { path: '/v1/traces', body: encode(official.traces, message) }
    }
    default: {
      const dataPoints = ids.map((id, i) => ({
        timeUnixNano: String(time(i)),
        asDouble: id,
        attributes: mark(id),
      }))
      const metrics = [{ name: 'process.memory.usage', unit: 'By', gauge: { dataPoints } }]
      const message = { resourceMetrics: [{ resource, scopeMetrics: [{ metrics }] }] }
      return { path: '/v1/metrics', body: encode(official.metrics, message) }
    }
  }
}
