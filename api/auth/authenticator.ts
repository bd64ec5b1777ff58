import { createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { Config } from '../../schemas/config.ts'
import type { Scope } from '../../schemas/contracts/key.ts'
import { PostflightError } from '../../schemas/errors.ts'
import { parseKey, secretMatches } from './key.ts'
import type { KeyStore, StoredKey } from './key-store.ts'
import { isLoopback } from './loopback.ts'

export const SESSION_COOKIE = 'postflight_session'
const SESSION_MS = 12 * 3600_000

/** What a door says: come in, who are you, or not you. */
export type Authentication =
  | { readonly kind: 'ok'; readonly keyId: string | null; readonly mayWrite: boolean }
  | { readonly kind: 'unauthenticated'; readonly reason: string }
  | {
      readonly kind: 'forbidden'
      /** Of the key that was shown and may not; null where none was asked for. */
      readonly keyId: string | null
      readonly reason: string
      readonly hint: string
    }

type Headers = Pick<
  IncomingHttpHeaders,
  'authorization' | 'cookie' | 'host' | 'origin' | 'sec-fetch-site'
> & { readonly [name: string]: string | string[] | undefined }

/** True as soon as any door listens wider than this machine, or the configuration asks for keys. */
export function keysRequired(config: Pick<Config, 'api' | 'otlp' | 'auth'>): boolean {
  return config.auth.required || !isLoopback(config.api.host) || !isLoopback(config.otlp.host)
}

const INCLUDED: Record<Scope, readonly Scope[]> = {
  ingest: ['ingest', 'admin'],
  read: ['read', 'write', 'admin'],
  write: ['write', 'admin'],
  admin: ['admin'],
}

function includes(key: StoredKey, scope: Scope): boolean {
  return INCLUDED[scope].some((granted) => key.scopes.includes(granted))
}

/** Guards every door by the same rules: API, pages and OTLP. */
export class Authenticator {
  readonly required: boolean
  readonly keys: KeyStore
  readonly #names: ReadonlySet<string>
  readonly #origins: ReadonlySet<string>
  readonly #clock: () => number
  /** Sessions end with the process: nothing that could be stolen from the store signs them. */
  readonly #sessionSecret: Buffer

  constructor(
    config: Pick<Config, 'api' | 'otlp' | 'auth'>,
    keys: KeyStore,
    clock: () => number,
    random: (bytes: number) => Buffer,
  ) {
    this.required = keysRequired(config)
    this.keys = keys
    this.#clock = clock
    this.#sessionSecret = random(32)
    const names = new Set([config.api.host.toLowerCase(), config.otlp.host.toLowerCase()])
    const origins = new Set<string>()
    if (config.api.publicUrl !== '') {
      const url = new URL(config.api.publicUrl)
      names.add(url.hostname.toLowerCase())
      origins.add(url.origin)
    }
    this.#names = names
    this.#origins = origins
  }

  /** @throws PostflightError KEYS_REQUIRED if keys are needed and there is none */
  async refuseStartWithoutKey(): Promise<void> {
    if (!this.required || (await this.keys.anyActive())) return
    throw new PostflightError('KEYS_REQUIRED', 'Keys are required here, but there is no active key.', {
      hint: 'Make one first: postflight keys create --name ci --scopes ingest,write (or listen on 127.0.0.1 only, with auth.required off).',
    })
  }

  /**
   * @param scope what the door needs
   * @param changes true for requests that change something (not GET, HEAD or OPTIONS)
   */
  async authenticate(headers: Headers, scope: Scope, changes = scope !== 'read'): Promise<Authentication> {
    const foreign = this.#foreign(headers, changes)
    if (foreign !== undefined) return foreign
    if (!this.required) return { kind: 'ok', keyId: null, mayWrite: true }
    const key = await this.#keyOf(headers)
    if (typeof key === 'string') return { kind: 'unauthenticated', reason: key }
    if (!includes(key, scope)) {
      return {
        kind: 'forbidden',
        keyId: key.id,
        reason: `The key ${key.id} (${key.name}) has not the scope ${scope}.`,
        hint: `It has: ${key.scopes.join(', ')}. Make one that may: postflight keys create --name NAME --scopes ${scope}`,
      }
    }
    return { kind: 'ok', keyId: key.id, mayWrite: includes(key, 'write') }
  }

  /** @returns undefined if the text is no active key */
  async keyFromText(text: string): Promise<StoredKey | undefined> {
    const parsed = parseKey(text)
    if (parsed === undefined) return undefined
    const key = await this.keys.active(parsed.id)
    // An unknown id is compared too, so that time does not tell which ids exist.
    const matches = secretMatches(parsed.secret, key?.hash ?? '0'.repeat(64))
    return matches ? key : undefined
  }

  /** A signed session for a cookie: it names the key, and ends with it. */
  session(key: StoredKey): { readonly value: string; readonly maxAgeSeconds: number } {
    const payload = `${key.id}.${this.#clock() + SESSION_MS}`
    return { value: `${payload}.${this.#sign(payload)}`, maxAgeSeconds: SESSION_MS / 1000 }
  }

  async #keyOf(headers: Headers): Promise<StoredKey | string> {
    const bearer = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1]
    const header = headers['x-postflight-key']
    const text = bearer ?? (typeof header === 'string' ? header : undefined)
    if (text !== undefined) {
      return (await this.keyFromText(text)) ?? 'The key is unknown or has been revoked.'
    }
    const cookie = cookieValue(headers.cookie, SESSION_COOKIE)
    if (cookie === undefined) return 'A key is needed here.'
    const [id = '', expires = '', signature = ''] = cookie.split('.')
    const expected = Buffer.from(this.#sign(`${id}.${expires}`))
    const given = Buffer.from(signature)
    if (
      expected.length !== given.length ||
      !timingSafeEqual(expected, given) ||
      Number(expires) <= this.#clock()
    ) {
      return 'The session has ended.'
    }
    return (await this.keys.active(id)) ?? 'The key of this session has been revoked.'
  }

  #sign(payload: string): string {
    return createHmac('sha256', this.#sessionSecret).update(payload).digest('base64url')
  }

  /**
   * Browsers send other sites' requests here with whatever they hold. Without keys, a name that is not ours is DNS rebinding; and a
   * changing request must never come from another site's page.
   */
  #foreign(headers: Headers, changes: boolean): Authentication | undefined {
    const host = headers.host ?? ''
    const name = hostName(host)
    if (!this.required && !isLoopback(name) && !this.#names.has(name)) {
      return {
        kind: 'forbidden',
        keyId: null,
        reason: `This server is not called ${host === '' ? '(no Host header)' : host}.`,
        hint: 'Use 127.0.0.1 or localhost, or set api.publicUrl to the address that people use.',
      }
    }
    if (!changes) return undefined
    const origin = headers.origin
    const site = headers['sec-fetch-site']
    const own = origin === undefined || this.#origins.has(origin) || originHost(origin) === host.toLowerCase()
    if (!own || site === 'cross-site') {
      return {
        kind: 'forbidden',
        keyId: null,
        reason: 'Another site may not change anything here.',
        hint: 'Send the request from a program, or from the pages of this server.',
      }
    }
    return undefined
  }
}

function hostName(host: string): string {
  return host
    .replace(/:\d+$/, '')
    .replace(/^\[|\]$/g, '')
    .toLowerCase()
}

function originHost(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined
}

function cookieValue(header: string | undefined, name: string): string | undefined {
  for (const part of header?.split(';') ?? []) {
    const at = part.indexOf('=')
    if (at > 0 && part.slice(0, at).trim() === name) return part.slice(at + 1).trim()
  }
  return undefined
}
