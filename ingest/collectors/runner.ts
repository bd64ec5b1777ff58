import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { collectorRound } from '../telemetry.ts'
import type { Transport } from '../transport/transport.ts'
import type { Collector } from './collector.ts'
import { type ResourceMetrics, single } from './metric.ts'
import { metricRequests } from './to-otlp.ts'

export interface RunnerOptions {
  readonly collectors: readonly Collector[]
  /** The same way that requests from outside go. */
  readonly transport: Pick<Transport, 'admit' | 'send'>
  readonly logger: Pick<Logger, 'info' | 'warn' | 'debug'>
  /** Milliseconds since 1970. */
  readonly clock: () => number
  /** Uniform in [0, 1): spreads the targets over their interval. */
  readonly random: () => number
}

export interface RunningCollectors {
  /** Ends the rounds that are under way and waits for them. */
  close(): Promise<void>
}

/** A target that fails is asked less and less often, up to this. */
const LONGEST_PAUSE = 300_000
/** How long a closing waits for a collector that does not let go. */
const LAST_WAIT = 5_000

/** Runs each collector at its interval until it is closed. */
export function runCollectors(options: RunnerOptions): RunningCollectors {
  const stop = new AbortController()
  const loops = options.collectors.map((collector) => new Loop(collector, options, stop.signal).run())
  return {
    close: async () => {
      stop.abort()
      // A loop can only still wait for a client that does not let go.
      await Promise.race([Promise.all(loops), sleep(LAST_WAIT, undefined, { ref: false })])
    },
  }
}

class Loop {
  readonly #collector: Collector
  readonly #options: RunnerOptions
  readonly #stop: AbortSignal
  /** Failed rounds in a row, and what the log last said of them. */
  #failures = 0
  #told = ''

  constructor(collector: Collector, options: RunnerOptions, stop: AbortSignal) {
    this.#collector = collector
    this.#options = options
    this.#stop = stop
  }

  async run(): Promise<void> {
    const { clock, random } = this.#options
    const interval = this.#collector.intervalSeconds * 1000
    let pause = random() * interval
    while (await this.#waited(pause)) {
      const began = clock()
      await this.#round(began)
      const longest = Math.max(interval, LONGEST_PAUSE)
      const period =
        this.#failures === 0
          ? interval
          : Math.min(longest, interval * 2 ** Math.min(this.#failures - 1, 20) * (1 + random() / 4))
      pause = Math.max(0, began + period - clock())
    }
  }

  /** @returns false if all is being closed */
  async #waited(milliseconds: number): Promise<boolean> {
    return await sleep(milliseconds, true, { signal: this.#stop, ref: false }).catch(() => false)
  }

  async #round(time: number): Promise<void> {
    const collector = this.#collector
    const { kind, target } = collector
    const began = performance.now()
    const deadline = AbortSignal.timeout(collector.timeoutSeconds * 1000)
    const signal = AbortSignal.any([this.#stop, deadline])
    let points = 0
    const work = collector.collect({ time, signal })
    try {
      const batches = await unlessAborted(work, signal)
      points = countPoints(batches)
      await this.#send([...batches, this.#up(1)], time)
      if (this.#failures > 0) this.#options.logger.info({ kind, target }, 'The target can be read again')
      this.#failures = 0
      this.#told = ''
    } catch (error) {
      if (this.#stop.aborted) {
        await work.catch(() => {})
        return
      }
      this.#failures += 1
      this.#say(deadline.aborted ? `No answer within ${collector.timeoutSeconds} s` : messageOf(error))
      // Where the store is what failed, this fails too; the log has said why.
      await this.#send([this.#up(0)], time).catch(() => {})
    }
    collectorRound({
      kind,
      target,
      up: this.#failures === 0,
      points,
      seconds: (performance.now() - began) / 1000,
    })
    // Rounds of one collector never overlap, also when one does not let go in time.
    await work.catch(() => {})
  }

  async #send(batches: readonly ResourceMetrics[], time: number): Promise<void> {
    const { transport, clock, logger } = this.#options
    const { kind, target } = this.#collector
    for (const body of metricRequests(batches, time)) {
      transport.admit(body.length)
      const answer = await transport.send({
        signal: 'metrics',
        contentType: 'application/x-protobuf',
        body,
        sender: `collector ${kind} ${target}`,
        receivedAt: clock(),
      })
      if (answer.rejected > 0) logger.warn({ kind, target }, answer.message)
    }
  }

  #up(value: 0 | 1): ResourceMetrics {
    return { resource: this.#collector.resource, metrics: single('gauge', 'up', '1', value) }
  }

  /** The same trouble is worth one warning, not one at each interval. */
  #say(message: string): void {
    const { kind, target } = this.#collector
    const about = { kind, target, failures: this.#failures }
    if (message === this.#told) this.#options.logger.debug(about, message)
    else this.#options.logger.warn(about, `The target could not be read: ${message}`)
    this.#told = message
  }
}

/** The work's result, or an error as soon as the signal fires. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  const aborted = Promise.withResolvers<never>()
  const abort = () => aborted.reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([work, aborted.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

function countPoints(batches: readonly ResourceMetrics[]): number {
  let points = 0
  for (const { metrics } of batches) for (const metric of metrics) points += metric.points.length
  return points
}

/** With what lies beneath: `fetch failed` alone says nothing. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause instanceof Error ? error.cause.message : ''
  return cause === '' || error.message.includes(cause) ? error.message : `${error.message}: ${cause}`
}
