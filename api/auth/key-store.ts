import type { CreatedKey, Key, Scope } from '../../schemas/contracts/key.ts'
import { PostflightError } from '../../schemas/errors.ts'
import type { Store } from '../../schemas/store/client.ts'
import { generateKey } from './key.ts'

/** A key as it is stored: with its hash, which leaves this folder for nowhere. */
export interface StoredKey extends Key {
  readonly hash: string
}

interface Row {
  id: string
  name: string
  hash: string
  scopes: Scope[]
  created: number
  revoked: number | null
}

const SELECT = `SELECT id, name, hash, scopes, toUnixTimestamp64Milli(created_at) AS created,
  if(isNull(revoked_at), NULL, toUnixTimestamp64Milli(assumeNotNull(revoked_at))) AS revoked
FROM api_keys FINAL`

const iso = (milliseconds: number) => new Date(milliseconds).toISOString()

/** How long another process's revocation may take to reach this one, in milliseconds. */
const FRESH_MS = 1000

/** The keys of the store. Reads are at most a second old; what this process changes counts at once. */
export class KeyStore {
  readonly #store: Store
  readonly #clock: () => number
  readonly #random: (bytes: number) => Buffer
  #snapshot: { at: number; keys: Promise<ReadonlyMap<string, StoredKey>> } | undefined

  constructor(store: Store, clock: () => number, random: (bytes: number) => Buffer) {
    this.#store = store
    this.#clock = clock
    this.#random = random
  }

  async create(name: string, scopes: readonly Scope[]): Promise<CreatedKey> {
    const { id, key, hash } = generateKey(this.#random)
    const now = iso(this.#clock())
    const unique = [...new Set(scopes)]
    await this.#store.insert('api_keys', [
      { id, name, hash, scopes: unique, created_at: now, revoked_at: null, updated_at: now },
    ])
    this.#snapshot = undefined
    return { id, name, scopes: unique, createdAt: now, revokedAt: null, key }
  }

  /** All keys, revoked ones too, newest first. */
  async list(): Promise<readonly StoredKey[]> {
    const rows = await this.#store.query<Row>(`${SELECT} ORDER BY created_at DESC, id`)
    return rows.map((row) => ({
      id: row.id,
      name: row.name,
      hash: row.hash,
      scopes: row.scopes,
      createdAt: iso(row.created),
      revokedAt: row.revoked === null ? null : iso(row.revoked),
    }))
  }

  /** @throws PostflightError NOT_FOUND */
  async revoke(id: string): Promise<Key> {
    const key = (await this.list()).find((candidate) => candidate.id === id)
    if (key === undefined) {
      throw new PostflightError('NOT_FOUND', `There is no key ${id}.`, {
        hint: 'postflight keys list and GET /api/v1/keys show the keys with their ids.',
      })
    }
    const now = this.#clock()
    // The newest row counts; a clock that stands still must not leave the key alive.
    const updated = Math.max(now, Date.parse(key.createdAt) + 1)
    const revokedAt = key.revokedAt ?? iso(now)
    await this.#store.insert('api_keys', [
      {
        id: key.id,
        name: key.name,
        hash: key.hash,
        scopes: key.scopes,
        created_at: key.createdAt,
        revoked_at: revokedAt,
        updated_at: iso(updated),
      },
    ])
    this.#snapshot = undefined
    return { id: key.id, name: key.name, scopes: key.scopes, createdAt: key.createdAt, revokedAt }
  }

  /** @returns undefined for an unknown or revoked key */
  async active(id: string): Promise<StoredKey | undefined> {
    return (await this.#active()).get(id)
  }

  async anyActive(): Promise<boolean> {
    return (await this.#active()).size > 0
  }

  #active(): Promise<ReadonlyMap<string, StoredKey>> {
    const now = this.#clock()
    const known = this.#snapshot
    if (known !== undefined && now - known.at < FRESH_MS && now >= known.at) return known.keys
    const keys = this.list().then(
      (all) => new Map(all.filter((key) => key.revokedAt === null).map((key) => [key.id, key])),
    )
    const snapshot = { at: now, keys }
    this.#snapshot = snapshot
    // A failed look-up is not remembered.
    keys.catch(() => {
      if (this.#snapshot === snapshot) this.#snapshot = undefined
    })
    return keys
  }
}
