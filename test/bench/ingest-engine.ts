import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Intake } from '../../ingest/intake.ts'
import { LogsTranscoder } from '../../ingest/protobuf/logs.ts'
import { LogsBlock } from '../../ingest/tables/otel-logs.ts'
import { INSERT_SETTINGS } from '../../ingest/writer.ts'
import type { Store } from '../../schemas/store/client.ts'
import type { Bodies } from './ingest-send.ts'

/** Rows of one file: about what the writer sends in one insert under load. */
const FILE_ROWS = 200_000

/** The engine reading a Native file by itself: no sender, no receiver, no HTTP for the rows. */
export interface NativeFeed {
  /** Inserts the file again and again, two inserts at a time as far as that helps. @returns rows and seconds */
  run(store: Store, until: (rows: number) => boolean): Promise<{ rows: number; seconds: number }>
  remove(): Promise<void>
}

/** A file with the rows that these requests become. */
export async function nativeFeed({ bodies, madeAt }: Pick<Bodies, 'bodies' | 'madeAt'>): Promise<NativeFeed> {
  const block = new LogsBlock()
  const transcoder = new LogsTranscoder()
  for (let i = 0; block.rows < FILE_ROWS; i++) {
    const intake = new Intake(Date.now(), 86_400_000, 3_600_000, Number.MAX_SAFE_INTEGER)
    transcoder.transcode(bodies[i % bodies.length] as Buffer, block, intake)
  }
  const folder = await mkdtemp(join(tmpdir(), 'postflight-bench-'))
  const file = join(folder, 'rows.native')
  await writeFile(file, Buffer.concat(block.encode()))
  const columns = block
    .columnNames()
    .map((column) => `\`${column}\``)
    .join(', ')
  const fileRows = block.rows
  return {
    async run(store, until) {
      let rows = 0
      const begun = performance.now()
      const insert = async () => {
        while (!until(rows)) {
          rows += fileRows
          await store.command(
            // Times as of now, as those of the requests are.
            `INSERT INTO otel_logs (${columns})
             SELECT * REPLACE (addMilliseconds(Timestamp, {later:Int64}) AS Timestamp) FROM file({file:String}, 'Native')`,
            { file, later: Date.now() - madeAt },
            { settings: INSERT_SETTINGS },
          )
        }
      }
      await Promise.all([insert(), insert()])
      return { rows, seconds: (performance.now() - begun) / 1000 }
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}
