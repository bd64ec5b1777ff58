import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { openStore, type Store } from '../../schemas/store/client.ts'
import { startBenchProcess } from './bench-process.ts'
import type { Receiving } from './ingest-receiver.ts'

/** A receiver and its store, each a process of its own, over a data folder that goes away with them. */
export interface Bench {
  readonly url: string
  readonly store: Store
  readonly pids: { readonly receiver: number; readonly store: number }
  /** CPU seconds so far of receiver and store. */
  cpuSeconds(): Promise<number>
  /** Largest resident memory of the receiver's process so far, MB. */
  receiverPeakMb(): Promise<number>
  close(): Promise<void>
}

const TABLES = [
  'otel_logs',
  'otel_traces',
  'otel_metrics_gauge',
  'otel_metrics_sum',
  'signal_1m',
  'signal_1h',
  'version_1h',
  'counter_1m',
  'session',
] as const

/** @param nodeOptions of both processes */
export async function openBench(nodeOptions: readonly string[] = []): Promise<Bench> {
  const receiver = await startBenchProcess<Receiving>(
    'ingest-receiver.ts',
    [],
    nodeOptions.length === 0 ? {} : { env: { ...process.env, NODE_OPTIONS: nodeOptions.join(' ') } },
  )
  const { word: receiving } = receiver
  const store = openStore({ url: receiving.storeUrl })
  const pids = { receiver: receiver.pid, store: receiving.storePid }
  return {
    url: receiving.url,
    store,
    pids,
    cpuSeconds: async () =>
      (await Promise.all(Object.values(pids).map(cpuSecondsOf))).reduce((sum, one) => sum + one, 0),
    async receiverPeakMb() {
      const status = await readFile(`/proc/${receiver.pid}/status`, 'utf8')
      return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024
    },
    async close() {
      await store.close()
      await receiver.close()
    },
  }
}

/** CPU seconds so far of a process with all its threads. */
export async function cpuSecondsOf(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /, '').split(' ')
  // Fields 14 and 15 of proc(5) are counted in hundredths of a second.
  return (Number(fields[11]) + Number(fields[12])) / 100
}

export async function rowsOf(store: Store, table: string): Promise<number> {
  const [row] = await store.query<{ rows: number }>(`SELECT count() AS rows FROM ${table}`)
  return row?.rows ?? 0
}

/** Empties all tables that a benchmark fills, and waits until the engine is at rest. */
export async function empty(store: Store): Promise<void> {
  for (const table of TABLES) await store.command(`TRUNCATE TABLE ${table}`)
  await settle(store)
}

/** Waits until no merge has run for three seconds: none is left that the engine would begin by itself now. */
export async function settle(store: Store): Promise<void> {
  for (let quiet = 0; quiet < 15; ) {
    const [row] = await store.query<{ running: number }>('SELECT count() AS running FROM system.merges')
    quiet = row?.running === 0 ? quiet + 1 : 0
    await sleep(200)
  }
}
