import type { Command } from 'commander'
import { buildCatalogue } from '../../schemas/signals/catalogue.ts'
import { prepareStore } from '../../schemas/store/prepare.ts'
import { borrowDatabase } from '../open-database.ts'
import { newCommand, runs } from './command.ts'
import { type CliContext, createLogger, writeJson } from './context.ts'
import { EXIT } from './exit-codes.ts'

export function migrateCommand(context: CliContext): Command {
  const command = newCommand('migrate', "Bring the store's schema up to date (done at every start, too)")
  return runs(context, command, async ({ config, json }) => {
    const database = await borrowDatabase(
      config,
      createLogger({ ...config, logLevel: 'warn' }, [context.err]),
    )
    try {
      const catalogue = buildCatalogue(config.signals, config.trafficRules)
      const { applied, views } = await prepareStore(database.store, catalogue, config)
      const outcome = { applied, views }
      if (json) writeJson(context, outcome)
      else if (outcome.applied.length + outcome.views.length === 0) context.out.write('Already up to date.\n')
      else
        context.out.write(
          `Applied ${outcome.applied.join(', ') || 'no migration'}; ${outcome.views.length} views made.\n`,
        )
      return EXIT.healthy
    } finally {
      await database.close()
    }
  })
}
