import type { IncomingHttpHeaders } from 'node:http'
import { Refusal } from './outcome.ts'

export type Authentication =
  /** `keyId` of the key that was shown; null if none is needed. */
  { readonly kind: 'ok'; readonly keyId: string | null } | { readonly kind: 'unauthenticated' | 'forbidden' }

/** Asked for every request; left out, everybody may send. `credentialOf` finds the key. */
export type Authenticate = (headers: IncomingHttpHeaders) => Promise<Authentication>

/** The key of a request: `Authorization: Bearer <key>` or `X-Postflight-Key: <key>`; gRPC's metadata has the same names. */
export function credentialOf(headers: IncomingHttpHeaders): string | undefined {
  const bearer = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1]
  const own = headers['x-postflight-key']
  return bearer ?? (typeof own === 'string' ? own : undefined)
}

/** @returns the id of the key, null if none is needed @throws Refusal 401 or 403 */
export async function authenticated(
  authenticate: Authenticate | undefined,
  headers: IncomingHttpHeaders,
): Promise<string | null> {
  const outcome = (await authenticate?.(headers)) ?? { kind: 'ok', keyId: null }
  if (outcome.kind === 'ok') return outcome.keyId
  if (outcome.kind === 'forbidden') throw new Refusal(403, 'This key does not have the scope ingest')
  throw new Refusal(
    401,
    'A key with the scope ingest is needed: Authorization: Bearer <key>, or X-Postflight-Key',
    { 'WWW-Authenticate': 'Bearer realm="postflight"' },
  )
}
