import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { startEmbedded } from '../../deploy/embedded/start.ts'
import { openExactlyOnce } from '../../ingest/exactly-once/exactly-once.ts'
import { startGrpcReceiver } from '../../ingest/otlp-grpc/receiver.ts'
import { startReceiver } from '../../ingest/otlp-http/receiver.ts'
import type { Authenticate } from '../../ingest/sender.ts'
import { createDirectTransport, type DirectTransportOptions } from '../../ingest/transport/direct.ts'
import type { Transport } from '../../ingest/transport/transport.ts'
import { configSchema } from '../../schemas/config.ts'
import { buildCatalogue } from '../../schemas/signals/catalogue.ts'
import { openStore, type Store } from '../../schemas/store/client.ts'
import { migrate } from '../../schemas/store/migrate.ts'

/** A receiver over an embedded store with all tables and views, in a folder that goes away with it. */
export interface RunningIngest {
  readonly url: string
  readonly grpcUrl: string
  readonly store: Store
  readonly dataDir: string
  readonly storePid: number
  close(): Promise<void>
}

/** How its doors are. */
export interface DoorOptions {
  readonly authenticate?: Authenticate
  readonly maxBodyBytes?: number
  /** Stands between doors and transport. */
  around?(transport: Transport): Transport
}

export async function startIngest(
  options: Partial<DirectTransportOptions> = {},
  { authenticate, maxBodyBytes, around = (same) => same }: DoorOptions = {},
): Promise<RunningIngest> {
  const dataDir = await mkdtemp(join(tmpdir(), 'postflight-ingest-'))
  const logger = pino({ level: process.env['LOG_LEVEL'] ?? 'silent' })
  const embedded = await startEmbedded({ dataDir, port: 0, logger })
  const store = openStore({ url: embedded.url, insertFolder: join(dataDir, 'inserts') })
  await migrate(store, buildCatalogue(), configSchema.parse({}).retention)
  const exactlyOnce = await openExactlyOnce({
    store,
    folder: join(dataDir, 'inserts'),
    window: 15 * 60_000,
    clock: Date.now,
    logger,
  })
  const transport = createDirectTransport({
    store,
    logger,
    clock: Date.now,
    newToken: randomUUID,
    exactlyOnce,
    ...options,
  })
  const doors = {
    host: '127.0.0.1',
    port: 0,
    transport: around(transport),
    logger,
    clock: Date.now,
    ...(authenticate === undefined ? {} : { authenticate }),
    ...(maxBodyBytes === undefined ? {} : { limits: { maxBodyBytes } }),
  }
  const receiver = await startReceiver(doors)
  const grpcReceiver = await startGrpcReceiver({ ...doors, ready: async () => true })
  return {
    url: receiver.address.url,
    grpcUrl: grpcReceiver.address.url,
    store,
    dataDir,
    storePid: embedded.pid,
    async close() {
      await receiver.close()
      await grpcReceiver.close()
      await transport.close()
      await store.close()
      await embedded.stop()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}
