import { readFile } from 'node:fs/promises'
import type { DatabaseTarget } from '../../schemas/collectors.ts'
import { CollectError } from './collector.ts'

/** Of all that it has, a collector uses one connection at a time; one more lets it come back while the server still holds an old one. */
export const MOST_CONNECTIONS = 3

/**
 * TLS as Node's clients take it. `auto`: none to this machine, else with the server's certificate checked.
 * @returns false for none
 * @throws CollectError if the authority's file cannot be read
 */
export async function tlsOf(
  target: Pick<DatabaseTarget, 'tls' | 'ca' | 'host'>,
): Promise<false | { readonly rejectUnauthorized: boolean; readonly ca?: string }> {
  const near = target.host.startsWith('/') || /^(localhost|127\.\d+\.\d+\.\d+|::1)$/.test(target.host)
  if (target.tls === 'off' || (target.tls === 'auto' && near)) return false
  if (target.tls === 'unverified') return { rejectUnauthorized: false }
  if (target.ca === '') return { rejectUnauthorized: true }
  const ca = await readFile(target.ca, 'utf8').catch((error: Error) => {
    throw new CollectError(`The authority's file cannot be read: ${error.message}`)
  })
  return { rejectUnauthorized: true, ca }
}

/** What a database's account lacks, or has too much of, for `postflight doctor`. */
export interface AccountFindings {
  readonly version: string
  /** Each with the statement that mends it. */
  readonly lacking: readonly { readonly what: string; readonly sql: string }[]
}
