import { startCollector } from '../peers/collector.ts'
import { cpuSecondsOf, empty, openBench, rowsOf, settle } from './ingest-bench.ts'
import { CONNECTIONS, logBodies, RECORDS_EACH } from './ingest-parts.ts'
import { type Load, send } from './ingest-send.ts'

export interface CollectorFigures {
  /** Rows by CPU second of receiver and store together, by the same of Collector and store. */
  readonly collectorCpuRatio: number
  readonly cpuSecondsPerMillion: number
  readonly collectorCpuSecondsPerMillion: number
}

/** The same logs through our receiver and through the Collector with clickhouseexporter, into the same tables with the same views, until merged. */
export async function measureCollector(seconds: number): Promise<CollectorFigures> {
  const bench = await openBench()
  const bodies = await logBodies()
  const collector = await startCollector({ storeUrl: bench.store.url })
  const { store } = bench
  const load: Omit<Load, 'url'> = {
    files: bodies.files,
    recordsEach: RECORDS_EACH,
    madeAt: bodies.madeAt,
    connections: CONNECTIONS,
    seconds,
  }
  try {
    await send({ ...load, url: `${bench.url}/v1/logs`, seconds: Math.min(3, seconds) })
    await empty(store)
    const before = await bench.cpuSeconds()
    const sent = await send({ ...load, url: `${bench.url}/v1/logs` })
    await settle(store)
    const ours = ((await bench.cpuSeconds()) - before) / sent.acknowledged
    await empty(store)
    const cpu = async () => (await bench.cpuSeconds()) + (await cpuSecondsOf(collector.pid))
    const collectorBefore = await cpu()
    await send({ ...load, url: `${collector.url}/v1/logs` })
    // It acknowledges what is in its memory; what it has stored is counted once it is done.
    await collector.drain()
    const after = await cpu()
    await settle(store)
    const settled = (await cpu().catch(() => after)) - collectorBefore
    const rows = await rowsOf(store, 'otel_logs')
    if (rows === 0) throw new Error(`The Collector stored nothing: ${await collector.output()}`)
    const theirs = settled / rows
    return {
      collectorCpuRatio: theirs / ours,
      cpuSecondsPerMillion: ours * 1e6,
      collectorCpuSecondsPerMillion: theirs * 1e6,
    }
  } finally {
    await collector.close()
    await bodies.remove()
    await bench.close()
  }
}
