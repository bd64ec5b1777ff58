import { Command, Option } from 'commander'
import type { Config } from '../../schemas/config.ts'
import type { LoadedConfig } from '../../schemas/config-load.ts'
import { settings } from '../../schemas/config-settings.ts'
import { type CliContext, type GlobalOptions, settingsOf } from './context.ts'

/** What an action gets besides its own arguments. */
export interface Invocation {
  readonly context: CliContext
  readonly json: boolean
  readonly loaded: LoadedConfig
  readonly config: Config
  readonly options: GlobalOptions
}

const NAMES: ReadonlySet<string> = new Set(settings().map(({ path }) => path))

/** A command that takes every setting as a flag, `--config` and `--json`. */
export function newCommand(name: string, description: string): Command {
  const command = new Command(name)
    .description(description)
    .option('--config <file>', 'settings file (default: postflight.yaml, if it is there)')
    .option('--json', 'print JSON')
  for (const { path } of settings()) command.addOption(new Option(`--${path} <value>`).hideHelp())
  return command.addHelpText(
    'after',
    '\nEvery setting is a flag too, such as --api.port 9000: `postflight config` lists them.',
  )
}

/** Runs an action with the settings read; what it returns becomes the exit code. */
export function runs(
  context: CliContext,
  command: Command,
  action: (invocation: Invocation, ...args: string[]) => Promise<number>,
): Command {
  return command.action(async () => {
    const options = command.opts<GlobalOptions>()
    const loaded = settingsOf(context, options, NAMES)
    const invocation = { context, loaded, config: loaded.config, options, json: options['json'] === true }
    context.exit(await action(invocation, ...(command.processedArgs as string[])))
  })
}
