import { describe, expect, it } from 'vitest'
import { FreshCache } from './fresh-cache.ts'

describe('FreshCache', () => {
  it('loads once for many who ask at once, and again when stale', async () => {
    let now = 0
    let loads = 0
    const cache = new FreshCache(() => now, 1000, 10)
    const load = async () => ++loads
    expect(await Promise.all([cache.get('a', load), cache.get('a', load)])).toEqual([1, 1])
    now = 999
    expect(await cache.get('a', load)).toBe(1)
    now = 1000
    expect(await cache.get('a', load)).toBe(2)
    cache.clear()
    expect(await cache.get('a', load)).toBe(3)
  })

  it('does not remember failures', async () => {
    const cache = new FreshCache(() => 0, 1000, 10)
    await expect(cache.get('a', () => Promise.reject(new Error('down')))).rejects.toThrow('down')
    expect(await cache.get('a', async () => 1)).toBe(1)
  })

  it('lets the oldest go', async () => {
    const cache = new FreshCache(() => 0, 1000, 2)
    for (const key of ['a', 'b', 'c']) await cache.get(key, async () => key)
    expect(await cache.get('a', async () => 'again')).toBe('again')
    expect(await cache.get('c', async () => 'again')).toBe('c')
  })
})
