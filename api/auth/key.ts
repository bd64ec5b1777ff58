import { createHash, timingSafeEqual } from 'node:crypto'

const PATTERN = /^pf_([a-z0-9]{12})_([A-Za-z0-9_-]{43})$/

/** @param random bytes from a cryptographic source: `node:crypto`'s randomBytes outside of tests */
export function generateKey(random: (bytes: number) => Buffer): { id: string; key: string; hash: string } {
  const id = random(6).toString('hex')
  const secret = random(32).toString('base64url')
  return { id, key: `pf_${id}_${secret}`, hash: hashSecret(secret) }
}

/** @returns undefined if the text is no key */
export function parseKey(text: string): { id: string; secret: string } | undefined {
  const match = PATTERN.exec(text)
  return match?.[1] === undefined || match[2] === undefined ? undefined : { id: match[1], secret: match[2] }
}

/**
 * SHA-256, hexadecimal. A slow hash such as bcrypt is there to make guessing people's passwords dear; these secrets are 256 random bits, which
 * nobody can guess, and a slow hash would only let strangers keep the server busy.
 */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}

/** Takes as long for a wrong secret as for the right one. @param hash hexadecimal SHA-256 */
export function secretMatches(secret: string, hash: string): boolean {
  const given = Buffer.from(hashSecret(secret), 'hex')
  const kept = Buffer.from(hash, 'hex')
  return given.length === kept.length && timingSafeEqual(given, kept)
}
