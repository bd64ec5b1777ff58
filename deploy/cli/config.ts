import type { Command } from 'commander'
import { settings } from '../../schemas/config-settings.ts'
import { newCommand, runs } from './command.ts'
import { type CliContext, writeJson } from './context.ts'
import { EXIT } from './exit-codes.ts'

export function configCommand(context: CliContext): Command {
  const command = newCommand('config', 'Print every setting with its value and where it comes from')
  return runs(context, command, async ({ loaded, json }) => {
    const rows = settings().map(({ path, variable, secret, defaultValue }) => {
      const value = path
        .split('.')
        .reduce<unknown>((node, step) => (node as Record<string, unknown>)[step], loaded.config)
      const hidden = secret && JSON.stringify(value) !== JSON.stringify(defaultValue)
      const { from, where } = loaded.origins.get(path) ?? { from: 'default', where: '' }
      return { setting: path, variable, value: hidden ? '(hidden)' : value, from, where }
    })
    if (json) writeJson(context, rows)
    else {
      const width = Math.max(...rows.map(({ setting }) => setting.length))
      for (const { setting, value, from, where } of rows)
        context.out.write(
          `${setting.padEnd(width)}  ${JSON.stringify(value)}  ${from === 'default' ? from : where}\n`,
        )
    }
    return EXIT.healthy
  })
}
