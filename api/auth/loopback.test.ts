import { expect, it } from 'vitest'
import { isLoopback } from './loopback.ts'

it.each([
  '127.0.0.1',
  '127.9.9.9',
  'localhost',
  'LOCALHOST',
  'a.localhost',
  '::1',
  '[::1]',
  '::ffff:127.0.0.1',
])('%s is this machine', (host) => {
  expect(isLoopback(host)).toBe(true)
})

it.each(['0.0.0.0', '::', '10.0.0.1', '127.0.0.1.evil.example', 'localhost.evil.example', 'example.com', ''])(
  '%j is not',
  (host) => {
    expect(isLoopback(host)).toBe(false)
  },
)
