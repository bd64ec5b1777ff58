import { type ChildProcess, fork } from 'node:child_process'
import { accessSync, constants, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PostflightError } from '../../schemas/errors.ts'
import { engineArguments } from './engine-arguments.ts'

/** What the child needs to know. */
export interface ChildOptions {
  dataDir: string
  host: string
  port: number
  user: string
  password: string
  engineArgs: string[]
  maxConcurrent: number
  maxWaiting: number
  maxBodyBytes: number
  maxExecutionSeconds: number
}

export type ParentMessage = { type: 'start'; options: ChildOptions } | { type: 'stop' }

export type ChildMessage =
  | { type: 'ready'; port: number; version: string }
  | { type: 'failed'; message: string; code: string }
  | { type: 'warning' | 'note'; message: string; details: Record<string, unknown> }

/** Of pino's logger, what is used here. */
export interface EmbeddedLogger {
  info(details: object, message: string): void
  warn(details: object, message: string): void
  error(details: object, message: string): void
}

export interface EmbeddedOptions {
  /** Directory for everything that is kept; made if missing. */
  dataDir: string
  /** Default 127.0.0.1. */
  host?: string
  /** Default 8123; 0 takes a free one. */
  port?: number
  /** Default `default`. */
  user?: string
  /** Default none. */
  password?: string
  /** Bytes that the engine's process may use before queries are refused; default 1.2 GB. */
  memoryLimit?: number
  /** Queries that run at once; more wait. Default 16. */
  maxConcurrent?: number
  /** Queries that may wait; one more is refused. Default 1000. */
  maxWaiting?: number
  /** Bytes of one insert, decoded; default 16 GiB. */
  maxBodyBytes?: number
  /** Seconds that a query may run unless it says otherwise; 0, the default, for no limit. */
  maxExecutionSeconds?: number
  /** More engine arguments (`--name=value`), after the own ones. */
  engineArgs?: readonly string[]
  logger: EmbeddedLogger
}

export interface EmbeddedStore {
  /** For `@clickhouse/client`, without credentials. */
  url: string
  host: string
  port: number
  pid: number
  /** Of the engine. */
  version: string
  /** Ends running queries, closes the engine, and resolves when the process is gone. */
  stop(): Promise<void>
  /** Resolves when the process is gone, for whatever reason; `expected` only after `stop`. */
  exited: Promise<{ expected: boolean; code: number | null; signal: NodeJS.Signals | null; output: string }>
}

/** File of the data directory: where its store was last served, for whoever finds it locked. */
const ADDRESS = 'address'
const STOP_MS = 15_000
const START_MS = 60_000
const OUTPUT_CHARS = 4000

/**
 * Starts the embedded ClickHouse in a process of its own and resolves when it answers.
 *
 * @throws PostflightError CONFIG_INVALID where the directory cannot be made or written, STORE_LOCKED when another process has the directory (`details.url`: where it serves it), PORT_IN_USE, or STORE_FAILED
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedStore> {
  const dataDir = resolve(options.dataDir)
  const host = options.host ?? '127.0.0.1'
  const maxConcurrent = options.maxConcurrent ?? 16
  try {
    mkdirSync(dataDir, { recursive: true })
    accessSync(dataDir, constants.W_OK)
  } catch (cause) {
    throw new PostflightError(
      'CONFIG_INVALID',
      `dataDir: expected a folder to write to, got ${dataDir} (${(cause as Error).message})`,
      {
        hint: 'Choose another folder: --dataDir, or the setting dataDir.',
        cause,
      },
    )
  }
  const child = fork(fileURLToPath(new URL('./main.ts', import.meta.url)), [], {
    // A running query holds a thread of libuv's pool; files, zlib and the control session need some as well.
    env: { ...process.env, UV_THREADPOOL_SIZE: String(maxConcurrent + 8) },
    execArgv: [],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  let output = ''
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-OUTPUT_CHARS)
  }
  child.stdout?.on('data', keep)
  child.stderr?.on('data', keep)
  let expected = false
  const exited = new Promise<{
    expected: boolean
    code: number | null
    signal: NodeJS.Signals | null
    output: string
  }>((done) => {
    child.once('close', (code, signal) => done({ expected, code, signal, output }))
    child.once('error', () => done({ expected, code: null, signal: null, output }))
  })
  child.on('message', (message: ChildMessage) => {
    if (message.type === 'warning') options.logger.warn(message.details, message.message)
    if (message.type === 'note') options.logger.info(message.details, message.message)
  })
  const start: ParentMessage = {
    type: 'start',
    options: {
      dataDir,
      host,
      port: options.port ?? 8123,
      user: options.user ?? 'default',
      password: options.password ?? '',
      engineArgs: [...engineArguments(options.memoryLimit ?? 1_200_000_000), ...(options.engineArgs ?? [])],
      maxConcurrent,
      maxWaiting: options.maxWaiting ?? 1000,
      maxBodyBytes: options.maxBodyBytes ?? 16 * 1024 ** 3,
      maxExecutionSeconds: options.maxExecutionSeconds ?? 0,
    },
  }
  const ready = await firstWord(child, start, exited)
  if (ready.type === 'failed') {
    child.kill('SIGKILL')
    const end = await exited
    throw startError(ready, end.output, dataDir, host, start.options.port)
  }
  void exited.then((end) => {
    if (!end.expected) options.logger.error(end, 'The embedded ClickHouse has ended by itself')
  })
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${ready.port}`
  writeFileSync(join(dataDir, ADDRESS), url)
  options.logger.info(
    { url, pid: child.pid, version: ready.version, dataDir },
    'Embedded ClickHouse is ready',
  )

  const stop = async () => {
    expected = true
    if (child.connected) child.send({ type: 'stop' } satisfies ParentMessage)
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
    await exited
    clearTimeout(timer)
  }
  return { url, host, port: ready.port, pid: child.pid ?? -1, version: ready.version, stop, exited }
}

type FirstWord = Extract<ChildMessage, { type: 'ready' | 'failed' }>

function firstWord(child: ChildProcess, start: ParentMessage, exited: Promise<unknown>): Promise<FirstWord> {
  return new Promise((done) => {
    const timer = setTimeout(
      () => done({ type: 'failed', code: '', message: `Not ready after ${START_MS / 1000} s` }),
      START_MS,
    )
    const settle = (word: FirstWord) => {
      clearTimeout(timer)
      done(word)
    }
    child.on('message', (message: ChildMessage) => {
      if (message.type === 'ready' || message.type === 'failed') settle(message)
    })
    void exited.then(() =>
      settle({ type: 'failed', code: '', message: 'The process ended before it was ready' }),
    )
    child.send(start)
  })
}

function startError(
  failed: { message: string; code: string },
  output: string,
  dataDir: string,
  host: string,
  port: number,
): PostflightError {
  if (output.includes('Cannot lock file')) {
    const owner = lockOwner(dataDir)
    return new PostflightError(
      'STORE_LOCKED',
      `Another process${owner === undefined ? '' : ` (pid ${owner})`} already uses the data in ${dataDir}`,
      {
        hint: 'Stop it first, or choose another data directory.',
        details: { url: read(join(dataDir, ADDRESS)) },
      },
    )
  }
  if (failed.code === 'EADDRINUSE') {
    return new PostflightError('PORT_IN_USE', `Port ${port} on ${host} is taken by another program`, {
      hint: 'Stop that program, or choose another port for the embedded ClickHouse.',
    })
  }
  return new PostflightError('STORE_FAILED', `The embedded ClickHouse could not start: ${failed.message}`, {
    hint:
      output.trim() === ''
        ? 'See whether the data directory can be written to.'
        : `The engine said: ${output.trim()}`,
  })
}

/** The engine itself locks `status` (flock, gone with its process) and writes its pid into it. */
function lockOwner(dataDir: string): string | undefined {
  return /^PID: (\d+)/m.exec(read(join(dataDir, 'engine', 'status')) ?? '')?.[1]
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
