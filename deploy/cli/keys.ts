import { randomBytes } from 'node:crypto'
import { Command } from 'commander'
import { KeyStore } from '../../api/auth/key-store.ts'
import { newKeySchema, SCOPES } from '../../schemas/contracts/key.ts'
import { PostflightError } from '../../schemas/errors.ts'
import { buildCatalogue } from '../../schemas/signals/catalogue.ts'
import { prepareStore } from '../../schemas/store/prepare.ts'
import { borrowDatabase } from '../open-database.ts'
import { type Invocation, newCommand, runs } from './command.ts'
import { type CliContext, createLogger, writeJson } from './context.ts'
import { EXIT } from './exit-codes.ts'
import { minute } from './report-text.ts'
import { table } from './table.ts'

/** Keys are made in the store itself: the first one is needed before any door opens. */
export function keysCommand(context: CliContext): Command {
  const create = newCommand('create', 'Make a key; it is shown once')
    .requiredOption('--name <name>', 'whose it is')
    .requiredOption('--scopes <list>', `comma-separated: ${SCOPES.join(', ')}`)
  const list = newCommand('list', 'List keys, revoked ones too')
  const revoke = newCommand('revoke', 'Revoke a key; it opens nothing from now on').argument('<id>')
  return new Command('keys')
    .description('Make, list and revoke keys')
    .addCommand(
      runs(context, create, async (invocation) => {
        const { name, scopes } = invocation.options as Record<string, string>
        const wanted = newKeySchema.safeParse({
          name,
          scopes: scopes?.split(',').map((scope) => scope.trim()),
        })
        if (!wanted.success) {
          throw new PostflightError('INVALID_REQUEST', 'A key needs a name and scopes that exist.', {
            hint: `Scopes are ${SCOPES.join(', ')}, such as --scopes ingest,write.`,
          })
        }
        const key = await withKeys(invocation, (keys) => keys.create(wanted.data.name, wanted.data.scopes))
        if (invocation.json) writeJson(context, key)
        else
          context.out.write(
            `${key.key}\nKey ${key.id} (${key.scopes.join(', ')}). It is shown this once: keep it now.\n`,
          )
        return EXIT.healthy
      }),
    )
    .addCommand(
      runs(context, list, async (invocation) => {
        const keys = (await withKeys(invocation, (store) => store.list())).map(
          ({ hash: _hash, ...key }) => key,
        )
        if (invocation.json) writeJson(context, keys)
        else {
          const rows = keys.map((key) => [
            key.id,
            key.name,
            key.scopes.join(', '),
            key.revokedAt === null ? 'active' : `revoked ${minute(key.revokedAt)}`,
          ])
          context.out.write(`${table(['Id', 'Name', 'Scopes', 'State'], rows, [16, 18, 15, 18])}\n`)
        }
        return EXIT.healthy
      }),
    )
    .addCommand(
      runs(context, revoke, async (invocation, id = '') => {
        const key = await withKeys(invocation, (keys) => keys.revoke(id))
        if (invocation.json) writeJson(context, key)
        else context.out.write(`Revoked ${key.id} (${key.name}).\n`)
        return EXIT.healthy
      }),
    )
}

async function withKeys<T>(
  { config, context }: Invocation,
  work: (keys: KeyStore) => Promise<T>,
): Promise<T> {
  const database = await borrowDatabase(config, createLogger({ ...config, logLevel: 'warn' }, [context.err]))
  try {
    await prepareStore(database.store, buildCatalogue(config.signals, config.trafficRules), config)
    return await work(new KeyStore(database.store, context.clock, randomBytes))
  } finally {
    await database.close()
  }
}
