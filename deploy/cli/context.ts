import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import pino, { type Logger, type LoggerOptions } from 'pino'
import type { Config } from '../../schemas/config.ts'
import { type LoadedConfig, loadConfig } from '../../schemas/config-load.ts'

/** What a command gets from the world; only the entry point reads the process. */
export interface CliContext {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** Milliseconds since the epoch. */
  readonly clock: () => number
  readonly out: NodeJS.WriteStream
  readonly err: NodeJS.WriteStream
  /** Sets the code that the process ends with. */
  readonly exit: (code: number) => void
  /** Resolves when the user or the system asks the process to end. */
  readonly stopAsked: () => Promise<void>
}

/** Options that every command has, as commander gives them. */
export type GlobalOptions = { readonly config?: string } & Readonly<Record<string, unknown>>

/** Settings are the flags whose names are settings: the only ones with a dot, and the few at the top. */
export function settingsOf(
  context: CliContext,
  options: GlobalOptions,
  names: ReadonlySet<string>,
): LoadedConfig {
  const flags = Object.fromEntries(
    Object.entries(options).filter(
      (entry): entry is [string, string] => names.has(entry[0]) && typeof entry[1] === 'string',
    ),
  )
  return loadConfig({ file: options.config, env: context.env, cwd: context.cwd, flags })
}

export function createLogger(
  config: Config,
  streams: readonly { write(line: string): void }[],
  { hooks }: Pick<LoggerOptions, 'hooks'> = {},
): Logger {
  return pino(
    { level: config.logLevel, base: null, ...(hooks === undefined ? {} : { hooks }) },
    pino.multistream(streams.map((stream) => ({ stream, level: 'trace' as const }))),
  )
}

export function packageVersion(): string {
  const text = readFileSync(join(import.meta.dirname, '..', '..', 'package.json'), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

export function writeJson(context: CliContext, value: unknown): void {
  context.out.write(`${JSON.stringify(value, null, context.out.isTTY ? 2 : 0)}\n`)
}
