import { ERROR_CODES, type ErrorCode, PostflightError } from '../../schemas/errors.ts'

export interface ApiClient {
  readonly address: string
  get<T>(path: string, query?: Readonly<Record<string, string | undefined>>): Promise<T>
  post<T>(path: string, body: unknown): Promise<T>
  put<T>(path: string, body: unknown): Promise<T>
  delete<T>(path: string): Promise<T>
}

const TIMEOUT = 60_000

/**
 * The commands that read ask the API, as any other client does.
 * @param key sent as bearer; undefined where none is needed
 * @throws PostflightError INVALID_REQUEST if `address` is no URL of HTTP
 */
export function createApiClient(address: string, key: string | undefined): ApiClient {
  const root = address.replace(/\/+$/, '')
  if (!/^https?:$/.test(URL.parse(root)?.protocol ?? ''))
    throw new PostflightError('INVALID_REQUEST', `Not the address of a Postflight: "${address}".`, {
      hint: 'Such as --address http://127.0.0.1:8080, or in POSTFLIGHT_ADDRESS.',
    })
  const headers = {
    accept: 'application/json',
    ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
  }
  const call = async <T>(url: URL, init: RequestInit): Promise<T> => {
    let response: Response
    try {
      response = await fetch(url, { ...init, signal: AbortSignal.timeout(TIMEOUT) })
    } catch (error) {
      const cause =
        error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error)
      throw new PostflightError('STORE_UNREACHABLE', `No Postflight answers at ${root}: ${cause}`, {
        hint: 'Start it (npm start), or say where it is: --address http://host:8080 or POSTFLIGHT_ADDRESS.',
        cause: error,
      })
    }
    const text = await response.text()
    if (response.ok) return JSON.parse(text) as T
    throw problem(response.status, text, root)
  }
  const send = <T>(method: string, path: string, body: unknown): Promise<T> =>
    call(new URL(`${root}${path}`), {
      method,
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  return {
    address: root,
    get: (path, query = {}) => {
      const url = new URL(`${root}${path}`)
      for (const [name, value] of Object.entries(query))
        if (value !== undefined) url.searchParams.set(name, value)
      return call(url, { headers })
    },
    delete: (path) => call(new URL(`${root}${path}`), { method: 'DELETE', headers }),
    post: (path, body) => send('POST', path, body),
    put: (path, body) => send('PUT', path, body),
  }
}

/** RFC 9457 back into the error it was. */
function problem(status: number, text: string, root: string): PostflightError {
  try {
    const { code, title, detail, hint } = JSON.parse(text) as Record<string, string | undefined>
    if (code !== undefined && code in ERROR_CODES)
      return new PostflightError(code as ErrorCode, detail ?? title ?? code, { hint: hint ?? '' })
  } catch {
    // Not an answer of Postflight.
  }
  return new PostflightError('INTERNAL', `${root} answered ${status}: ${text.slice(0, 200)}`, {
    hint: 'Is this the address of Postflight?',
  })
}
