import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { type ClickHouseClient, ClickHouseError, ClickHouseLogLevel, createClient } from '@clickhouse/client'
import { PostflightError } from '../errors.ts'
import { LENT, writeInsertFile } from './insert-file.ts'
import { readRowBinary } from './row-binary.ts'

export interface StoreOptions {
  /** http(s) address of ClickHouse's HTTP interface. */
  readonly url: string
  readonly username?: string
  readonly password?: string
  readonly database?: string
  /** Milliseconds a request may take. */
  readonly requestTimeout?: number
  readonly maxConnections?: number
  /**
   * Of the embedded store: a folder whose files it reads by itself (`body_file`), so that rows are written there once and not sent. Left out: there is none,
   * as for a server.
   */
  readonly insertFolder?: string
  /** Told of each request that was answered; `stored` is true where it was an insert of telemetry. */
  readonly onAnswer?: (stored: boolean) => void
}

export type QueryParams = Readonly<Record<string, unknown>>
export type Settings = Readonly<Record<string, string | number>>

export interface QueryOptions {
  readonly signal?: AbortSignal
  readonly settings?: Settings
  /** True: texts, and lists of numbers as typed arrays (row-binary.ts), for millions of numbers at once. */
  readonly typed?: boolean
}

export interface NativeInsert {
  readonly settings?: Settings
  readonly token?: string
  readonly signal?: AbortSignal
  /** Rows in a file are sent, also to a store that could read it by itself: its name may be gone. */
  readonly sendRows?: boolean
}

/** Rows in a file, which must stay as it is until they are inserted. */
export interface RowsInFile {
  /** Absolute. */
  readonly path: string
  /** The rows, whatever has become of the file's name. */
  read(): Readable
}

/** All that Postflight asks of ClickHouse: the same for the embedded store, a server and a cluster. */
export interface Store {
  readonly url: string
  readonly database: string
  /** Rows as JSON objects; 64-bit integers come as numbers (none of ours pass 2^53 but nanosecond times, which are read as strings). */
  query<T>(sql: string, params?: QueryParams, options?: QueryOptions): Promise<T[]>
  /** A result as it comes, in batches of rows: for results that may not fit in memory. */
  stream<T>(
    sql: string,
    params?: QueryParams,
    options?: { signal?: AbortSignal },
  ): AsyncIterable<readonly T[]>
  command(sql: string, params?: QueryParams, options?: { settings?: Settings }): Promise<void>
  /** Inserts objects; returns once the rows are durable. */
  insert(table: string, rows: readonly object[], settings?: Settings): Promise<void>
  /** Inserts ClickHouse's `Native` blocks, all of the same columns; returns once the rows are durable. */
  insertNative(
    table: string,
    columns: readonly string[],
    rows: Buffer | readonly Buffer[] | RowsInFile,
    options?: NativeInsert,
  ): Promise<void>
  ping(): Promise<boolean>
  close(): Promise<void>
}

/** Bytes from which on a file costs less than sending them: a tenth of what a receiver under load inserts. */
const WORTH_A_FILE = 2 * 1024 * 1024

const SETTINGS = {
  // Off, because this engine's default is on and an acknowledged row must be in the table.
  async_insert: 0,
  output_format_json_quote_64bit_integers: 0,
  date_time_output_format: 'iso',
  date_time_input_format: 'best_effort',
  use_client_time_zone: 0,
  session_timezone: 'UTC',
  // Keeps proxies from cutting a long query off.
  send_progress_in_http_headers: 1,
  http_headers_progress_interval_ms: '25000',
} as const

function isInFile(rows: Buffer | readonly Buffer[] | RowsInFile): rows is RowsInFile {
  return !Buffer.isBuffer(rows) && 'read' in rows
}

/** The only way to ClickHouse. Nothing is sent until the first call. */
export function openStore(options: StoreOptions): Store {
  const database = options.database ?? 'default'
  const client = createClient({
    url: options.url,
    username: options.username ?? 'default',
    password: options.password ?? '',
    database,
    application: 'postflight',
    request_timeout: options.requestTimeout ?? 120_000,
    max_open_connections: options.maxConnections ?? 16,
    clickhouse_settings: { ...SETTINGS },
    // Errors are thrown and logged once, by whoever handles them.
    log: { level: ClickHouseLogLevel.OFF },
  })
  return new ClickHouseStore(client, database, options)
}

class ClickHouseStore implements Store {
  readonly #client: ClickHouseClient
  readonly #insertFolder: string | undefined
  readonly #onAnswer: ((stored: boolean) => void) | undefined
  readonly url: string
  readonly database: string

  constructor(client: ClickHouseClient, database: string, options: StoreOptions) {
    this.#client = client
    this.#insertFolder = options.insertFolder
    this.#onAnswer = options.onAnswer
    this.url = options.url
    this.database = database
  }

  async query<T>(sql: string, params: QueryParams = {}, options: QueryOptions = {}): Promise<T[]> {
    const common = {
      query_params: { ...params },
      ...(options.signal === undefined ? {} : { abort_signal: options.signal }),
      ...(options.settings === undefined ? {} : { clickhouse_settings: { ...options.settings } }),
    }
    return await this.#attempt(async () => {
      if (options.typed === true) {
        const { stream } = await this.#client.exec({
          ...common,
          query: `${sql}\nFORMAT RowBinaryWithNamesAndTypes`,
        })
        return readRowBinary(Buffer.concat(await stream.toArray())) as T[]
      }
      const result = await this.#client.query({ ...common, query: sql, format: 'JSONEachRow' })
      return await result.json<T>()
    })
  }

  async *stream<T>(
    sql: string,
    params: QueryParams = {},
    options: { signal?: AbortSignal } = {},
  ): AsyncIterable<readonly T[]> {
    const result = await this.#attempt(() =>
      this.#client.query({
        query: sql,
        query_params: { ...params },
        format: 'JSONEachRow',
        ...(options.signal === undefined ? {} : { abort_signal: options.signal }),
      }),
    )
    try {
      for await (const rows of result.stream<T>()) yield rows.map((row) => row.json())
    } catch (error) {
      throw this.#translate(error)
    }
  }

  async command(sql: string, params: QueryParams = {}, options: { settings?: Settings } = {}): Promise<void> {
    await this.#attempt(() =>
      this.#client.command({
        query: sql,
        query_params: { ...params },
        ...(options.settings === undefined ? {} : { clickhouse_settings: { ...options.settings } }),
      }),
    )
  }

  async insert(table: string, rows: readonly object[], settings: Settings = {}): Promise<void> {
    if (rows.length === 0) return
    await this.#attempt(() =>
      this.#client.insert({
        table,
        values: [...rows],
        format: 'JSONEachRow',
        clickhouse_settings: { ...settings },
      }),
    )
  }

  async insertNative(
    table: string,
    columns: readonly string[],
    rows: Buffer | readonly Buffer[] | RowsInFile,
    options: NativeInsert = {},
  ): Promise<void> {
    if (isInFile(rows)) {
      const inPlace = this.#insertFolder !== undefined && options.sendRows !== true
      return await this.#insertBlocks(table, columns, options, inPlace ? rows.path : rows.read())
    }
    const parts = Buffer.isBuffer(rows) ? [rows] : rows
    const lent = await this.#lend(parts)
    try {
      const body = lent ?? Readable.from(parts, { objectMode: false })
      await this.#insertBlocks(table, columns, options, body)
    } finally {
      if (lent !== undefined) await rm(lent, { force: true })
    }
  }

  /** @param source what to send, or the path of a file that the store reads by itself */
  async #insertBlocks(
    table: string,
    columns: readonly string[],
    options: NativeInsert,
    source: Readable | string,
  ): Promise<void> {
    const token = options.token === undefined ? {} : { insert_deduplication_token: options.token }
    const isPath = typeof source === 'string'
    const body = isPath ? Readable.from([], { objectMode: false }) : source
    const unreadable = new Promise<never>((_, reject) => body.once('error', reject))
    await this.#attempt(async () => {
      const inserting = this.#client.exec({
        query: `INSERT INTO ${table} (${columns.map((column) => `\`${column}\``).join(', ')}) FORMAT Native`,
        // With `values` the statement goes in the URL and the blocks are the body as they are.
        values: body,
        clickhouse_settings: {
          ...options.settings,
          ...token,
          ...(isPath ? { body_file: source } : {}),
        },
        ...(options.signal === undefined ? {} : { abort_signal: options.signal }),
      })
      const result = await Promise.race([inserting, unreadable])
      // The connection goes back to the pool once the (empty) answer has been read.
      for await (const _ of result.stream);
    }, true)
  }

  /** @returns a file with a block that is worth one; where none can be written the block is sent, and the store says what is wrong */
  async #lend(parts: readonly Buffer[]): Promise<string | undefined> {
    const size = parts.reduce((sum, part) => sum + part.length, 0)
    if (this.#insertFolder === undefined || size < WORTH_A_FILE) return undefined
    const path = join(this.#insertFolder, `${randomUUID()}${LENT}`)
    try {
      await writeInsertFile(path, parts)
      return path
    } catch {
      await rm(path, { force: true })
      return undefined
    }
  }

  async ping(): Promise<boolean> {
    const result = await this.#client.ping()
    return result.success
  }

  async close(): Promise<void> {
    await this.#client.close()
  }

  async #attempt<T>(call: () => Promise<T>, stores = false): Promise<T> {
    try {
      const answer = await call()
      this.#onAnswer?.(stores)
      return answer
    } catch (error) {
      throw this.#translate(error)
    }
  }

  #translate(error: unknown): unknown {
    if (error instanceof PostflightError) return error
    if (error instanceof ClickHouseError) {
      const full = /NOT_ENOUGH_SPACE|No space left/.test(`${error.type ?? ''} ${error.message}`)
      return new PostflightError('STORE_FAILED', `ClickHouse refused the statement: ${error.message}`, {
        hint: full ? 'The disk that holds the data is full: free some space.' : '',
        details: { clickhouseCode: error.code, clickhouseType: error.type ?? '', diskFull: full },
        cause: error,
      })
    }
    if (error instanceof Error && error.name === 'AbortError') return error
    const message = error instanceof Error ? error.message : String(error)
    return new PostflightError('STORE_UNREACHABLE', `ClickHouse at ${this.url} does not answer: ${message}`, {
      hint: 'Check that it runs and that clickhouse.url, its user and password are right.',
      cause: error,
    })
  }
}
