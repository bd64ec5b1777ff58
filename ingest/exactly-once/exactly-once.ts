import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Store } from '../../schemas/store/client.ts'
import { INSERT_SETTINGS, mayPass } from '../writer.ts'
import { InsertJournal, type JournaledInsert } from './insert-journal.ts'
import { RequestLedger } from './request-ledger.ts'
import { leastMark, markFromText } from './request-mark.ts'

/** What a transport needs to store each request once. */
export interface ExactlyOnce {
  readonly ledger: RequestLedger
  readonly journal: InsertJournal
}

/** Tables with a column `RequestMark`, with the number that the ledger has for each. */
export const TABLES: ReadonlyMap<string, number> = new Map(
  [
    'otel_logs',
    'otel_traces',
    'otel_metrics_gauge',
    'otel_metrics_sum',
    'otel_metrics_histogram',
    'otel_metrics_exponential_histogram',
    'otel_metrics_summary',
    'dead_letter',
  ].map((table, number) => [table, number] as const),
)

export interface ExactlyOnceOptions {
  readonly store: Pick<Store, 'insertNative' | 'stream'>
  /** Folder of the journal. */
  readonly folder: string
  /** How long requests are known for, milliseconds. */
  readonly window: number
  /** Milliseconds since 1970. */
  readonly clock: () => number
  readonly logger: Logger
}

/**
 * Completes what a process before this one left half done, then reads the marks of the requests that are stored: in this order, so
 * that a mark stands for all rows of its request in its table. Waits for a store that is away.
 * @throws PostflightError JOURNAL_UNWRITABLE, or if the store cannot be read
 */
export async function openExactlyOnce(options: ExactlyOnceOptions): Promise<ExactlyOnce> {
  const { store, folder, window, clock, logger } = options
  const journal = new InsertJournal(folder)
  for await (const insert of journal.leftOver()) await complete(options, journal, insert)
  const ledger = new RequestLedger({ window })
  const since = leastMark(clock() - window)
  for (const [table, number] of TABLES) {
    const marks = store.stream<{ mark: string }>(
      `SELECT DISTINCT toString(RequestMark) AS mark FROM ${table} PREWHERE RequestMark >= {since:UInt128}`,
      { since },
    )
    for await (const rows of marks) {
      for (const { mark } of rows) ledger.add(markFromText(mark), number, clock())
    }
  }
  if (ledger.size > 0) logger.info({ requests: ledger.size }, 'Requests of a moment ago are known')
  return { ledger, journal }
}

async function complete(
  { store, logger }: ExactlyOnceOptions,
  journal: InsertJournal,
  insert: JournaledInsert,
): Promise<void> {
  const { token, table, columns } = insert
  for (let attempt = 1; ; attempt++) {
    try {
      const sendRows = attempt > 1
      await store.insertNative(table, columns, insert, { settings: INSERT_SETTINGS, token, sendRows })
      await journal.remove(insert)
      logger.info({ table, token }, 'An insert that was under way has been completed')
      return
    } catch (error) {
      if (!mayPass(error)) {
        const path = await journal.setAside(insert)
        logger.error(
          { err: error, table, path },
          'ClickHouse refuses an insert that was under way; it is kept',
        )
        return
      }
      logger.warn({ err: error, table, attempt }, 'An insert that was under way waits for ClickHouse')
      await sleep(Math.min(1000, 50 * 2 ** attempt))
    }
  }
}
