import type { IncomingHttpHeaders } from 'node:http'
import { ClickHouseException } from './exception.ts'

/** What a client asks for, from the URL and the headers. */
export interface QueryRequest {
  /** The `query` parameter; the body follows it on a new line. */
  query: string
  queryId: string | undefined
  session: { id: string; timeoutSeconds: number; mustExist: boolean } | undefined
  database: string | undefined
  defaultFormat: string
  /** Values of `{name:Type}` placeholders, in the escaped form that ClickHouse reads them in. */
  parameters: Map<string, string>
  settings: Map<string, string>
  /** Revision of the Native format that the client reads, 0 for the plain one. */
  protocolVersion: number
  /** Whether the answer may be compressed as the Accept-Encoding header allows. */
  compressAnswer: boolean
  /** Whether the answer is held back until the query has ended. */
  waitEnd: boolean
  /** A file of this machine that stands for the rows of an insert. */
  bodyFile: string | undefined
  user: string
  password: string
}

// Parameters of the protocol that are neither settings nor placeholders.
const IGNORED = new Set(['quota_key', 'stacktrace', 'buffer_size', 'role'])
const SETTING_NAME = /^[A-Za-z_][A-Za-z0-9_.]*$/

// They say how the server talks HTTP, and are answered here; the engine has no use for them.
const HTTP_SETTINGS = new Set([
  'enable_http_compression',
  'http_zlib_compression_level',
  'send_progress_in_http_headers',
  'http_headers_progress_interval_ms',
  'http_wait_end_of_query',
  'add_http_cors_header',
  'http_response_buffer_size',
  'cancel_http_readonly_queries_on_client_close',
])

function isOn(value: string | null): boolean {
  return value === '1' || value === 'true'
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value
}

function credentials(
  params: URLSearchParams,
  headers: IncomingHttpHeaders,
): { user: string; password: string } {
  const user = single(headers['x-clickhouse-user'])
  const key = single(headers['x-clickhouse-key'])
  if (user !== undefined || key !== undefined) return { user: user ?? 'default', password: key ?? '' }
  const basic = /^Basic\s+(\S+)$/i.exec(headers.authorization ?? '')?.[1]
  if (basic !== undefined) {
    const pair = Buffer.from(basic, 'base64').toString()
    const colon = pair.indexOf(':')
    return colon < 0
      ? { user: pair, password: '' }
      : { user: pair.slice(0, colon), password: pair.slice(colon + 1) }
  }
  return { user: params.get('user') ?? 'default', password: params.get('password') ?? '' }
}

function sessionOf(params: URLSearchParams): QueryRequest['session'] {
  const id = params.get('session_id')
  if (id === null) return undefined
  if (id === '')
    throw new ClickHouseException(
      744,
      'SESSION_ID_EMPTY',
      'Session id query parameter was provided, but it was empty',
    )
  const timeout = params.get('session_timeout') ?? '60'
  if (!/^\d{1,9}$/.test(timeout) || Number(timeout) > 3600) {
    throw new ClickHouseException(
      374,
      'INVALID_SESSION_TIMEOUT',
      `Invalid session timeout: ${timeout} (0 to 3600 seconds)`,
    )
  }
  return { id, timeoutSeconds: Number(timeout), mustExist: isOn(params.get('session_check')) }
}

/**
 * @param params of the URL, and of a form's fields when the body is one
 * @throws ClickHouseException for a parameter that the protocol does not allow
 */
export function parseQueryRequest(params: URLSearchParams, headers: IncomingHttpHeaders): QueryRequest {
  if (isOn(params.get('decompress')) || isOn(params.get('compress'))) {
    throw new ClickHouseException(
      48,
      'NOT_IMPLEMENTED',
      "ClickHouse's own block compression (compress=1, decompress=1) is not supported here. Use Content-Encoding, or Accept-Encoding with enable_http_compression=1",
    )
  }
  const parameters = new Map<string, string>()
  const settings = new Map<string, string>()
  for (const [name, value] of params) {
    if (name.startsWith('param_')) parameters.set(name.slice('param_'.length), value)
    else if (RESERVED.has(name) || IGNORED.has(name) || HTTP_SETTINGS.has(name)) continue
    else if (SETTING_NAME.test(name)) settings.set(name, value)
    else throw new ClickHouseException(115, 'UNKNOWN_SETTING', `Unknown setting '${name}'.`)
  }
  const format = single(headers['x-clickhouse-format'])
  return {
    query: params.get('query') ?? '',
    queryId: params.get('query_id') || undefined,
    session: sessionOf(params),
    database: (params.get('database') ?? single(headers['x-clickhouse-database'])) || undefined,
    defaultFormat: params.get('default_format') || format || 'TabSeparated',
    parameters,
    settings,
    protocolVersion: Number(params.get('client_protocol_version') ?? 0) || 0,
    compressAnswer: isOn(params.get('enable_http_compression')),
    bodyFile: params.get('body_file') || undefined,
    waitEnd: isOn(params.get('wait_end_of_query')) || isOn(params.get('http_wait_end_of_query')),
    ...credentials(params, headers),
  }
}

const RESERVED = new Set([
  'query',
  'query_id',
  'session_id',
  'session_timeout',
  'session_check',
  'database',
  'default_format',
  'wait_end_of_query',
  'body_file',
  'user',
  'password',
  'client_protocol_version',
  'compress',
  'decompress',
])
