import type { Command } from 'commander'
import { newCommand, runs } from './command.ts'
import { type CliContext, writeJson } from './context.ts'
import { EXIT } from './exit-codes.ts'
import { startConsumerService } from './serve.ts'

export function consumeCommand(context: CliContext): Command {
  const command = newCommand('consume', 'Store what receivers elsewhere have put into Kafka')
  return runs(context, command, async ({ config, json }) => {
    const { running, close } = await startConsumerService(context, config)
    const { clickhouse, topics, group } = running
    if (json) writeJson(context, { clickhouse, topics, group })
    else
      context.out.write(
        `Storing ${topics.join(', ')} into ${clickhouse} as a member of the group ${group}.\nCtrl-C stops it: the others of its group go on.\n`,
      )
    const broken = await Promise.race([context.stopAsked(), running.broken])
    await close()
    if (broken !== undefined) throw broken
    return EXIT.healthy
  })
}
