import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Config } from '../schemas/config.ts'
import { PostflightError } from '../schemas/errors.ts'
import { openStore, type Store } from '../schemas/store/client.ts'
import { startEmbedded } from './embedded/start.ts'

export interface Database {
  readonly store: Store
  readonly embedded: boolean
  /** Resident process of the embedded store. */
  readonly pid: number | null
  /** Resolves if the embedded store ends without having been asked to. */
  readonly broken: Promise<PostflightError>
  close(): Promise<void>
}

const PROBE_MS = 5_000

/**
 * The ClickHouse that the settings name: a server, or else the embedded one, which is started.
 * @param onAnswer told of each answer; `stored` is true where it was an insert of telemetry
 * @throws PostflightError STORE_UNREACHABLE, STORE_LOCKED, PORT_IN_USE, STORE_FAILED
 */
export async function openDatabase(
  config: Config,
  logger: Pick<Logger, 'info' | 'warn' | 'error'>,
  onAnswer?: (stored: boolean) => void,
): Promise<Database> {
  const { url, user, password, database, port, memoryLimit } = config.clickhouse
  const shared = {
    ...{ username: user, password, database },
    ...(onAnswer === undefined ? {} : { onAnswer }),
  }
  if (url !== '') {
    // Short, so that an address that swallows packets is told at once.
    const probe = openStore({ url, username: user, password, requestTimeout: PROBE_MS })
    try {
      await probe.query('SELECT 1')
      await probe.command(`CREATE DATABASE IF NOT EXISTS ${database}`)
    } finally {
      await probe.close()
    }
    const store = openStore({ url, ...shared })
    return { store, embedded: false, pid: null, broken: new Promise(() => {}), close: () => store.close() }
  }
  const engine = await startEmbedded({
    dataDir: config.dataDir,
    port,
    user,
    password,
    memoryLimit,
    logger,
  }).catch((error: unknown) => {
    throw explained(error)
  })
  const store = openStore({ url: engine.url, ...shared, insertFolder: join(config.dataDir, 'inserts') })
  return {
    store,
    embedded: true,
    pid: engine.pid,
    broken: engine.exited.then((end) =>
      end.expected
        ? new Promise<never>(() => {})
        : new PostflightError(
            'STORE_FAILED',
            `The embedded ClickHouse has ended by itself (${end.signal ?? end.code}).`,
            {
              hint: `What was acknowledged is kept: start Postflight again. ${end.output.slice(-500)}`.trim(),
            },
          ),
    ),
    close: async () => {
      await store.close()
      await engine.stop()
    },
  }
}

/**
 * For commands that need the store for a moment: the embedded one may be running already, in another process.
 * @throws as openDatabase
 */
export async function borrowDatabase(
  config: Config,
  logger: Pick<Logger, 'info' | 'warn' | 'error'>,
): Promise<Database> {
  if (config.clickhouse.url !== '') return await openDatabase(config, logger)
  const free = { ...config, clickhouse: { ...config.clickhouse, port: 0 } }
  return await openDatabase(free, logger).catch(async (error: unknown) => {
    if (!(error instanceof PostflightError) || error.code !== 'STORE_LOCKED') throw error
    const url = String(error.details['url'] ?? `http://127.0.0.1:${config.clickhouse.port}`)
    return await openDatabase({ ...config, clickhouse: { ...config.clickhouse, url } }, logger)
  })
}

function explained(error: unknown): unknown {
  if (!(error instanceof PostflightError)) return error
  const url = String(error.details['url'] ?? '')
  const hints: Partial<Record<PostflightError['code'], string>> = {
    PORT_IN_USE:
      'Stop that program, or choose another port for the embedded ClickHouse: --clickhouse.port 8124',
    STORE_LOCKED: `Stop that Postflight first, ${url === '' ? '' : `work with its store too (such as postflight consume --clickhouse.url ${url}), `}or keep other data: --dataDir another-folder (and other ports).`,
  }
  const hint = hints[error.code]
  if (hint === undefined) return error
  return new PostflightError(error.code, error.message, { hint, details: { ...error.details }, cause: error })
}
