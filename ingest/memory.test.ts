import { expect, it } from 'vitest'
import { free, own } from './memory.ts'

it('gives the memory of what is owned back, with all its parts, and no other', () => {
  const owned = own(Buffer.alloc(1_000, 'a'))
  const part = owned.subarray(10, 20)
  const other = Buffer.alloc(1_000, 'b')
  free(part)
  free(other)
  expect([owned.length, part.length]).toEqual([0, 0])
  expect(other.toString()).toBe('b'.repeat(1_000))
  // A second time there is nothing to give back.
  free(owned)
})
