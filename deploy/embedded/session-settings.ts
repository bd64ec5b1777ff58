import { quote, quoteIdentifier } from './engine.ts'
import { ClickHouseException } from './exception.ts'
import type { QueryRequest } from './query-request.ts'
import type { Lease } from './session-pool.ts'

/** Gives the session what the URL said: database, settings, parameters, and the mark that a kill finds it by. */
export async function prepare(
  lease: Lease,
  query: QueryRequest,
  comment: string,
  readOnly: boolean,
  maxExecutionSeconds: number,
): Promise<void> {
  const settings = new Map(query.settings)
  settings.delete('log_comment')
  const last = readOnly && !lease.named && !settings.has('readonly') ? '2' : settings.get('readonly')
  settings.delete('readonly')
  if (maxExecutionSeconds > 0 && !settings.has('max_execution_time')) {
    settings.set('max_execution_time', String(maxExecutionSeconds))
  }
  const assignments = [`log_comment = ${quote(comment)}`]
  for (const [name, value] of settings) assignments.push(`${name} = ${quote(value)}`)
  for (const [name, value] of query.parameters) {
    if (!/^\w+$/.test(name))
      throw new ClickHouseException(36, 'BAD_ARGUMENTS', `Bad parameter name '${name}'`)
    assignments.push(`param_${name} = ${quote(value)}`)
  }
  if (last !== undefined) assignments.push(`readonly = ${quote(last)}`)
  const use = query.database === undefined ? '' : `USE ${quoteIdentifier(query.database)}; `
  await lease.session.read(`${use}SET ${assignments.join(', ')}`, 'Null')
}

/** A session that a client keeps must not keep what belonged to one request. */
export async function restore(lease: Lease, query: QueryRequest): Promise<void> {
  const names = ['log_comment', ...query.settings.keys()].filter((name) => name !== 'readonly')
  await lease.session.read(`SET ${names.map((name) => `${name} = DEFAULT`).join(', ')}`, 'Null')
}
