import { Agent, request } from 'node:http'
import type { HistoryChunk } from './generate-history.ts'

export interface SendOptions {
  /** Base address of an OTLP/HTTP receiver, such as http://127.0.0.1:4318. */
  readonly otlpUrl: string
  /** An API key with the scope `ingest`, where the receiver wants one. */
  readonly apiKey?: string
  /** Chunks under way at once. */
  readonly concurrency: number
  readonly signal?: AbortSignal
  /** Called in the order of time: everything before `chunk.to` has been acknowledged. */
  readonly onAcknowledged?: (chunk: HistoryChunk) => Promise<void> | void
}

export interface Sent {
  readonly spans: number
  readonly logRecords: number
  readonly points: number
  readonly bytes: number
  readonly seconds: number
  /** Requests that had to be sent again. */
  readonly retries: number
}

const RETRYABLE = new Set([429, 502, 503, 504])
const ATTEMPTS = 40

/**
 * Sends chunks to a receiver, a few at a time, as an OTLP exporter does: what is refused for now is sent again when
 * Retry-After says.
 * @throws Error when a request is refused for good, partly rejected, or not taken after many attempts
 */
export async function sendHistory(chunks: Iterable<HistoryChunk>, options: SendOptions): Promise<Sent> {
  const agent = new Agent({ keepAlive: true, maxSockets: options.concurrency * 3 })
  const begun = performance.now()
  const total = { spans: 0, logRecords: 0, points: 0, bytes: 0, retries: 0 }
  const post = async (path: string, body: Buffer): Promise<void> => {
    if (body.length === 0) return
    for (let attempt = 1; ; attempt++) {
      options.signal?.throwIfAborted()
      const outcome = await postOnce(agent, `${options.otlpUrl}${path}`, body, options)
      if (outcome.kind === 'taken') {
        total.bytes += body.length
        return
      }
      if (outcome.kind === 'refused') throw new Error(`${path}: ${outcome.reason}`)
      if (attempt === ATTEMPTS)
        throw new Error(`${path}: not taken after ${ATTEMPTS} attempts: ${outcome.reason}`)
      total.retries++
      await new Promise((resolve) => setTimeout(resolve, outcome.waitMs))
    }
  }
  const underWay: { chunk: HistoryChunk; done: Promise<void> }[] = []
  const settleOldest = async (): Promise<void> => {
    const oldest = underWay.shift()
    if (oldest === undefined) return
    await oldest.done
    total.spans += oldest.chunk.spans
    total.logRecords += oldest.chunk.logRecords
    total.points += oldest.chunk.points
    await options.onAcknowledged?.(oldest.chunk)
  }
  try {
    for (const chunk of chunks) {
      const done = Promise.all([
        post('/v1/traces', chunk.traces),
        post('/v1/logs', chunk.logs),
        post('/v1/metrics', chunk.metrics),
      ]).then(() => {})
      // Awaited in the order of time, later: until then a failure must not count as unhandled.
      done.catch(() => {})
      underWay.push({ chunk, done })
      if (underWay.length >= options.concurrency) await settleOldest()
    }
    while (underWay.length > 0) await settleOldest()
  } finally {
    await Promise.allSettled(underWay.map((one) => one.done))
    agent.destroy()
  }
  return { ...total, seconds: (performance.now() - begun) / 1000 }
}

type Outcome =
  | { kind: 'taken' }
  | { kind: 'later'; waitMs: number; reason: string }
  | { kind: 'refused'; reason: string }

function postOnce(agent: Agent, url: string, body: Buffer, options: SendOptions): Promise<Outcome> {
  return new Promise((resolve) => {
    const sent = request(
      url,
      {
        method: 'POST',
        agent,
        headers: {
          'content-type': 'application/x-protobuf',
          'content-length': body.length,
          ...(options.apiKey === undefined ? {} : { authorization: `Bearer ${options.apiKey}` }),
        },
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      },
      (response) => {
        const parts: Buffer[] = []
        response.on('data', (part: Buffer) => parts.push(part))
        response.on('error', (error) => resolve({ kind: 'later', waitMs: 250, reason: error.message }))
        response.on('end', () => {
          const status = response.statusCode ?? 0
          const answer = Buffer.concat(parts)
          if (status === 200) {
            // A full success is an empty message; anything else is a partial one.
            resolve(
              answer.length === 0
                ? { kind: 'taken' }
                : { kind: 'refused', reason: `taken in part: ${answer.toString('latin1')}` },
            )
          } else if (RETRYABLE.has(status)) {
            const seconds = Number(response.headers['retry-after'] ?? 0.25)
            resolve({ kind: 'later', waitMs: Math.min(30, seconds) * 1000, reason: `HTTP ${status}` })
          } else resolve({ kind: 'refused', reason: `HTTP ${status} ${answer.toString('latin1')}` })
        })
      },
    )
    sent.on('error', (error) => resolve({ kind: 'later', waitMs: 250, reason: error.message }))
    sent.end(body)
  })
}
