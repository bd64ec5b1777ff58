import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { generateKey, parseKey, secretMatches } from './key.ts'

describe('keys', () => {
  it('are read back, and match their hash only', () => {
    const { key, id, hash } = generateKey(randomBytes)
    expect(key).toMatch(/^pf_[0-9a-f]{12}_[\w-]{43}$/)
    const parsed = parseKey(key)
    expect(parsed?.id).toBe(id)
    expect(hash).not.toContain(parsed?.secret)
    expect(secretMatches(parsed?.secret ?? '', hash)).toBe(true)
    expect(secretMatches(generateKey(randomBytes).key.slice(-43), hash)).toBe(false)
  })

  it.each(['', 'pf_', 'pf_abc_def', 'Bearer pf_000000000000_x', `pf_000000000000_${'a'.repeat(44)}`])(
    'refuses %j',
    (text) => {
      expect(parseKey(text)).toBeUndefined()
    },
  )
})
