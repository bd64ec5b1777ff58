import pino from 'pino'
import { connectKafka } from '../../ingest/kafka/connect.ts'
import { configSchema } from '../../schemas/config.ts'
import { openStore, type Store } from '../../schemas/store/client.ts'

/**
 * A consumer in a process of its own that kills itself (SIGKILL) at one point of one batch:
 * `intended` the batch's range is committed and nothing is inserted, `partly` one of its tables has its rows,
 * `stored` all have, and the offset is not committed.
 */
export interface ConsumerTask {
  readonly broker: string
  readonly store: string
  readonly prefix: string
  readonly kill?: { readonly at: 'intended' | 'partly' | 'stored'; readonly batch: number }
}

/** Batches of a few requests. */
export const SMALL_BATCHES = {
  maxRows: 2_500,
  minFetchBytes: 1,
  maxFetchWait: 50,
  sessionTimeout: 2_000,
  maxPause: 500,
}

const task = JSON.parse(process.argv[2] ?? '{}') as ConsumerTask

/** The store, with the kill in it: the inserts of a batch are under way together, batches of a partition one after the other. */
function deadly(store: Store): Pick<Store, 'insertNative' | 'insert' | 'query'> {
  const die = () => process.kill(process.pid, 'SIGKILL')
  let batches = 0
  let last = ''
  let open = 0
  const around = async (token: string, insert: () => Promise<void>) => {
    const batch = token.slice(0, token.lastIndexOf('/'))
    if (batch !== last) batches++
    const first = batch !== last
    last = batch
    const now = task.kill?.batch === batches
    if (now && task.kill?.at === 'intended') die()
    if (now && task.kill?.at === 'partly' && !first) await new Promise(() => {})
    open++
    await insert()
    open--
    if (now && (task.kill?.at === 'partly' || (task.kill?.at === 'stored' && open === 0))) die()
  }
  return {
    query: store.query.bind(store),
    insertNative: (table, columns, body, options) =>
      around(options?.token ?? '', () => store.insertNative(table, columns, body, options)),
    insert: (table, rows, settings) =>
      around(String(settings?.['insert_deduplication_token']), () => store.insert(table, rows, settings)),
  }
}

if (import.meta.main) {
  const config = configSchema.parse({
    kafka: { brokers: [task.broker], topicPrefix: task.prefix, group: task.prefix, partitions: 2 },
  })
  const store = openStore({ url: task.store })
  const kafka = await connectKafka({ config, logger: pino({ level: 'silent' }), clock: Date.now })
  // One partition at a time, so that one batch is at one point.
  const consumer = await kafka.consume(deadly(store), { ...SMALL_BATCHES, concurrency: 1 })
  process.on('SIGTERM', () => {
    void consumer
      .close()
      .then(() => kafka.close())
      .then(() => store.close())
      .then(() => process.exit(0))
  })
}
