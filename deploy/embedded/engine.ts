import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { Session } from 'chdb'

/** What the engine tells after a statement that returned rows. */
export interface ReadOutcome {
  bytes: Uint8Array
  rowsRead: number
  bytesRead: number
  /** Seconds. */
  elapsed: number
}

/** What the engine tells after a statement that wrote rows; views' writes are counted too. */
export interface WriteOutcome {
  rowsWritten: number
  bytesWritten: number
  /** Seconds. */
  elapsed: number
}

interface NativeBinding {
  QueryAsyncConnection(connection: unknown, sql: string, format: string): Promise<ReadOutcome>
  InsertRawAsyncConnection(
    connection: unknown,
    prefix: string,
    rest: Buffer,
    countLines: boolean,
  ): Promise<WriteOutcome>
}

// The package's own `queryAsync` drops the count of written rows, so its native binding is called directly. The
// exported entry does not name it, hence the path; the version of the package is pinned exactly.
const require = createRequire(import.meta.url)
const loader: { loadNative(): NativeBinding } = require(
  join(dirname(require.resolve('chdb/package.json')), 'dist/loader.js'),
)

/**
 * One connection to the engine. State (SET, USE, parameters, temporary tables) lives and dies with it; opening one costs
 * about half a millisecond once the engine runs. Never closed while a statement runs: that would abort the engine.
 */
export class EngineSession {
  #session: Session
  #native = loader.loadNative()

  /**
   * @param directory the engine's data directory; one per process
   * @param args `--name=value` entries; settings apply to this connection, server settings only on the first one
   * @throws Error when the directory cannot be opened (the engine prints the reason to standard error)
   */
  constructor(directory: string, args: readonly string[]) {
    this.#session = new Session(directory, { connectionArgs: args })
  }

  /** Runs a statement and returns its whole result in `format` (unless it has a FORMAT clause). */
  read(sql: string, format: string): Promise<ReadOutcome> {
    return this.#native.QueryAsyncConnection(this.#session.connection, sql, format)
  }

  /** Runs a statement whose result is not wanted, and counts what it wrote. */
  write(sql: string): Promise<WriteOutcome> {
    return this.#native.InsertRawAsyncConnection(this.#session.connection, '', Buffer.from(sql), false)
  }

  close(): void {
    this.#session.close()
  }
}

/** A string literal of ClickHouse's SQL. */
export function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}

/** A quoted identifier of ClickHouse's SQL. */
export function quoteIdentifier(name: string): string {
  return `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``
}
