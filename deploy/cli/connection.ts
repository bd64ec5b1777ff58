import type { Command } from 'commander'
import { type ApiClient, createApiClient } from './api-client.ts'
import type { Invocation } from './command.ts'

/** For commands that ask a running Postflight. */
export function withConnection(command: Command): Command {
  return command
    .option(
      '--address <url>',
      'where Postflight is (default: POSTFLIGHT_ADDRESS, else the port of the settings)',
    )
    .option('--key <key>', 'key to show (default: POSTFLIGHT_KEY)')
}

export function connect({ config, context, options }: Invocation): ApiClient {
  const host = config.api.host === '0.0.0.0' || config.api.host === '::' ? '127.0.0.1' : config.api.host
  const own = `http://${host.includes(':') ? `[${host}]` : host}:${config.api.port}`
  const address = option(options['address']) ?? option(context.env['POSTFLIGHT_ADDRESS']) ?? own
  return createApiClient(address, option(options['key']) ?? option(context.env['POSTFLIGHT_KEY']))
}

function option(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
