import { startIngest } from '../conformance/postflight.ts'

/** The receiving side of the ingest benchmark in a process of its own, so that its memory and CPU are no one else's. */
export interface Receiving {
  readonly url: string
  readonly storeUrl: string
  readonly storePid: number
}

const ingest = await startIngest()
process.once('disconnect', () => void ingest.close().finally(() => process.exit(0)))
process.send?.({ url: ingest.url, storeUrl: ingest.store.url, storePid: ingest.storePid } satisfies Receiving)
