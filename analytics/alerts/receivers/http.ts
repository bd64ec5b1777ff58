import { reasonOf, SEND_TIMEOUT, SendError, withoutSecrets } from '../receiver.ts'

export interface HttpRequest {
  readonly method?: string
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Taken out of everything that is said about the answer. */
  readonly secrets: readonly string[]
}

/** Bytes of an answer that are read. */
const MOST = 4096
/** Characters of an answer that are kept. */
const KEPT = 200

/**
 * Sends a request and waits for a whole answer.
 * @param timeout milliseconds for all of it, a slow body too
 * @returns status and the first words of the answer
 * @throws SendError unless the answer is 2xx
 */
export async function sendHttp(request: HttpRequest, timeout = SEND_TIMEOUT): Promise<string> {
  let response: Response
  let text: string
  try {
    response = await fetch(request.url, {
      method: request.method ?? 'POST',
      headers: { 'user-agent': 'postflight', ...request.headers },
      signal: AbortSignal.timeout(timeout),
      // A redirected message with a secret in it would go wherever the answer says.
      redirect: 'error',
      ...(request.body === undefined ? {} : { body: request.body }),
    })
    text = await firstWords(response)
  } catch (error) {
    const timedOut = error instanceof Error && error.name === 'TimeoutError'
    const told = timedOut ? `no answer within ${timeout / 1000} s` : reasonOf(error, request.secrets)
    throw new SendError('unavailable', told)
  }
  const answer = withoutSecrets(`${response.status} ${text}`.trim(), request.secrets).slice(0, KEPT)
  if (response.ok) return answer
  throw new SendError(kindOf(response.status), answer, {
    retryAfter: retryAfter(response.headers.get('retry-after')),
  })
}

async function firstWords(response: Response): Promise<string> {
  if (response.body === null) return ''
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes >= MOST) break
  }
  return Buffer.concat(chunks).toString().replaceAll(/\s+/g, ' ').trim()
}

/** 400, 413 and 422 speak of the message. 401, 403, 404 and 410 speak of settings, which a person may mend while the message waits. */
function kindOf(status: number): SendError['kind'] {
  if ([400, 413, 422].includes(status)) return 'refused'
  if ([408, 425, 429, 502, 503, 504].includes(status)) return 'unavailable'
  return 'failed'
}

/** Milliseconds; the header is seconds or a date (RFC 9110). */
function retryAfter(header: string | null): number | null {
  if (header === null) return null
  if (/^\d+$/.test(header.trim())) return Number(header) * 1000
  const at = Date.parse(header)
  return Number.isNaN(at) ? null : Math.max(0, at - Date.now())
}

/** Shorter parts of an address are words such as `services` or `hook`. */
const SHORTEST_PART = 8

/** What must not be told of an address that is a secret: all of it, and its parts, which answers may repeat. */
export function urlSecrets(url: string): readonly string[] {
  if (!URL.canParse(url)) return [url]
  const { pathname, search, searchParams, username, password } = new URL(url)
  const parts = [...pathname.split('/'), ...searchParams.values()]
  return [
    url,
    pathname,
    search.slice(1),
    username,
    password,
    ...parts.filter(({ length }) => length >= SHORTEST_PART),
  ]
}

export const JSON_TYPE = { 'content-type': 'application/json' } as const

/** Indented, for people to read. */
export function jsonRendering(body: unknown): { contentType: string; body: string } {
  return { contentType: 'application/json', body: JSON.stringify(body, null, 2) }
}
