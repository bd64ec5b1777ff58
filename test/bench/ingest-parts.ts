import { setTimeout as sleep } from 'node:timers/promises'
import { type Bench, empty, openBench, rowsOf, settle } from './ingest-bench.ts'
import { nativeFeed } from './ingest-engine.ts'
import { logRequests, pointRequests, spanRequests } from './ingest-load.ts'
import { type Bodies, type Load, type Sent, send, writeBodies } from './ingest-send.ts'
import { median } from './median.ts'

export const RECORDS_EACH = 5_000
const BODIES = 24
/** Senders at once under full load, each waiting for its answer: 320 thousand records. Some requests of logs, and a fifth of the spans' larger ones, are put off once. */
export const CONNECTIONS = 64
/** What a small sender has gathered in a moment. */
const PACED_RECORDS = 1_000
/** Requests at once when they are paced; more are told as not sent. */
const PACED_CONNECTIONS = 400

/** Seconds of full load before a burst is measured. */
const WARM_UP = 8

const SIGNALS = {
  logs: { path: '/v1/logs', requests: logRequests, tables: ['otel_logs'] },
  spans: { path: '/v1/traces', requests: spanRequests, tables: ['otel_traces'] },
  points: {
    path: '/v1/metrics',
    requests: pointRequests,
    tables: ['otel_metrics_gauge', 'otel_metrics_sum'],
  },
} as const
type Signal = keyof typeof SIGNALS

export function logBodies(recordsEach = RECORDS_EACH): Promise<Bodies> {
  return writeBodies((madeAt) => logRequests(BODIES, recordsEach, 20_26, madeAt))
}

/** Runs something on a new store, which goes away afterwards. */
async function onBench<T>(work: (bench: Bench) => Promise<T>): Promise<T> {
  const bench = await openBench()
  try {
    return await work(bench)
  } finally {
    await bench.close()
  }
}

/** @throws Error unless every acknowledged record is stored, and nothing else as far as every request was acknowledged */
async function check(store: Bench['store'], tables: readonly string[], sent: Sent) {
  // What was not acknowledged may be there, once.
  const exactly = sent.refused === 0 && sent.broken === 0
  const counts = await Promise.all(tables.map((table) => rowsOf(store, table)))
  const stored = counts.reduce((sum, one) => sum + one, 0)
  if (stored < sent.acknowledged || (exactly && stored !== sent.acknowledged))
    throw new Error(`${sent.acknowledged} records were acknowledged, ${stored} are stored`)
}

export interface BurstFigures {
  readonly perSecond: number
  readonly ackP50Ms: number
  readonly ackP99Ms: number
  /** Of receiver and store while receiving. */
  readonly cpuSecondsPerMillion: number
  /** The engine's own rate, in the same run; only for logs. */
  readonly enginePerSecond: number
  readonly engineCpuSecondsPerMillion: number
}

/** As many records as are taken for `seconds`, and, for logs, the engine reading Native files for as long. Medians of `rounds`. */
export function measureBurst(signal: Signal, seconds: number, rounds: number): Promise<BurstFigures> {
  const { path, requests, tables } = SIGNALS[signal]
  return onBench(async (bench) => {
    const { store } = bench
    const bodies = await writeBodies((madeAt) => requests(BODIES, RECORDS_EACH, 20_26, madeAt))
    const feed = signal === 'logs' ? await nativeFeed(bodies) : undefined
    const load: Load = {
      url: bench.url + path,
      files: bodies.files,
      recordsEach: RECORDS_EACH,
      madeAt: bodies.madeAt,
      connections: CONNECTIONS,
      seconds,
    }
    try {
      // Both are warmed up first: JavaScript gets compiled, the engine has its memory, blocks have grown.
      await send({ ...load, seconds: WARM_UP })
      const figures: BurstFigures[] = []
      for (let round = 0; round < rounds; round++) {
        await empty(store)
        const before = await bench.cpuSeconds()
        const sent = await send(load)
        const cpu = (await bench.cpuSeconds()) - before
        await check(store, tables, sent)
        await empty(store)
        const engineBefore = await bench.cpuSeconds()
        const end = performance.now() + seconds * 1000
        const engine = await feed?.run(store, () => performance.now() >= end)
        const engineCpu = (await bench.cpuSeconds()) - engineBefore
        figures.push({
          perSecond: sent.acknowledged / sent.elapsed,
          ackP50Ms: sent.ackP50Ms,
          ackP99Ms: sent.ackP99Ms,
          cpuSecondsPerMillion: (cpu / sent.acknowledged) * 1e6,
          enginePerSecond: engine === undefined ? 0 : engine.rows / engine.seconds,
          engineCpuSecondsPerMillion: engine === undefined ? 0 : (engineCpu / engine.rows) * 1e6,
        })
      }
      return medians(figures)
    } finally {
      await feed?.remove()
      await bodies.remove()
    }
  })
}

function medians<Of extends object>(figures: readonly Of[]): Of {
  const names = Object.keys(figures[0] as Of) as (keyof Of)[]
  return Object.fromEntries(
    names.map((name) => [name, median(figures.map((one) => one[name] as number))]),
  ) as Of
}

export interface SustainedFigures {
  /** Records by the seconds until nothing is left to merge. */
  readonly perSecond: number
  readonly cpuSecondsPerMillion: number
  readonly enginePerSecond: number
  readonly engineCpuSecondsPerMillion: number
  /** Of receiver and store with nothing to do, afterwards: percent of a core. */
  readonly idlePercent: number
}

/** As many logs as are taken for `seconds` and then until all merges have settled; then the engine with as many rows from Native files. */
export function measureSustained(seconds: number, idleSeconds: number): Promise<SustainedFigures> {
  return onBench(async (bench) => {
    const { store } = bench
    const bodies = await logBodies()
    const feed = await nativeFeed(bodies)
    const load: Load = {
      url: `${bench.url}/v1/logs`,
      files: bodies.files,
      recordsEach: RECORDS_EACH,
      madeAt: bodies.madeAt,
      connections: CONNECTIONS,
      seconds,
    }
    try {
      await send({ ...load, seconds: 2 })
      await empty(store)
      const ours = await untilSettled(bench, async () => {
        const sent = await send(load)
        await check(store, SIGNALS.logs.tables, sent)
        return sent.acknowledged
      })
      const idleBefore = await bench.cpuSeconds()
      await sleep(idleSeconds * 1000)
      const idle = (await bench.cpuSeconds()) - idleBefore
      await empty(store)
      const engine = await untilSettled(bench, async () => {
        return (await feed.run(store, (rows) => rows >= ours.rows)).rows
      })
      return {
        perSecond: ours.rows / ours.seconds,
        cpuSecondsPerMillion: (ours.cpu / ours.rows) * 1e6,
        enginePerSecond: engine.rows / engine.seconds,
        engineCpuSecondsPerMillion: (engine.cpu / engine.rows) * 1e6,
        idlePercent: (idle / idleSeconds) * 100,
      }
    } finally {
      await feed.remove()
      await bodies.remove()
    }
  })
}

/** Seconds that `settle` watches a store at rest before it says so. */
const WATCHED = 3

async function untilSettled(bench: Bench, work: () => Promise<number>) {
  const before = await bench.cpuSeconds()
  const begun = performance.now()
  const rows = await work()
  await settle(bench.store)
  const seconds = Math.max(0, (performance.now() - begun) / 1000 - WATCHED)
  return { rows, seconds, cpu: (await bench.cpuSeconds()) - before }
}

export interface LatencyFigures {
  readonly offeredPerSecond: number
  readonly ackP50Ms: number
  readonly ackP99Ms: number
}

/** Acknowledgement at a steady rate, requests of 1,000 records each at their times whether earlier ones are answered or not. Medians of `rounds`. */
export function measureLatency(perSecond: number, seconds: number, rounds: number): Promise<LatencyFigures> {
  return onBench(async (bench) => {
    const bodies = await logBodies(PACED_RECORDS)
    const load: Load = { ...paced(bench, bodies), seconds, perSecond }
    try {
      await send({ ...load, seconds: Math.min(5, seconds) })
      const figures: LatencyFigures[] = []
      for (let round = 0; round < rounds; round++) {
        await empty(bench.store)
        const sent = await send(load)
        await check(bench.store, SIGNALS.logs.tables, sent)
        const { ackP50Ms, ackP99Ms } = sent
        figures.push({ offeredPerSecond: sent.acknowledged / sent.elapsed, ackP50Ms, ackP99Ms })
      }
      return medians(figures)
    } finally {
      await bodies.remove()
    }
  })
}

function paced(bench: Bench, { files, madeAt }: Bodies) {
  return {
    url: `${bench.url}/v1/logs`,
    files,
    madeAt,
    recordsEach: PACED_RECORDS,
    connections: PACED_CONNECTIONS,
  }
}

export interface OverloadFigures {
  /** Largest resident memory of the receiver, MB. */
  readonly receiverRssMb: number
  readonly acknowledgedPerSecond: number
  /** Requests answered with 503, requests without an answer, requests that the sender could not begin. */
  readonly refused: number
  readonly broken: number
  readonly notSent: number
}

/** Four times of what the receiver can take: what it cannot is refused, and nothing acknowledged is lost. */
export function measureOverload(capacity: number, seconds: number): Promise<OverloadFigures> {
  return onBench(async (bench) => {
    const bodies = await logBodies()
    try {
      const load: Load = {
        ...paced(bench, bodies),
        recordsEach: RECORDS_EACH,
        seconds,
        perSecond: 4 * capacity,
      }
      const sent = await send(load)
      await check(bench.store, SIGNALS.logs.tables, sent)
      if (sent.refused === 0 && sent.behind === 0)
        throw new Error(`Nothing was refused at ${4 * capacity} logs a second: this was no overload`)
      return {
        receiverRssMb: await bench.receiverPeakMb(),
        acknowledgedPerSecond: sent.acknowledged / sent.elapsed,
        refused: sent.refused,
        broken: sent.broken,
        notSent: sent.behind,
      }
    } finally {
      await bodies.remove()
    }
  })
}
