import { hostname } from 'node:os'
import { expect, it } from 'vitest'
import { reachableUrl } from './reachable-url.ts'

it('has the name of the machine where a door is open to all, whatever its listener calls that', () => {
  expect(reachableUrl('http://127.0.0.1:8080', '0.0.0.0')).toBe(`http://${hostname().toLowerCase()}:8080`)
  expect(reachableUrl('http://[::1]:8080', '::')).toBe(`http://${hostname().toLowerCase()}:8080`)
  expect(reachableUrl('https://0.0.0.0:4318', '0.0.0.0')).toBe(`https://${hostname().toLowerCase()}:4318`)
  expect(reachableUrl('http://127.0.0.1:8080', '127.0.0.1')).toBe('http://127.0.0.1:8080')
  expect(reachableUrl('http://10.0.0.7:8080', '10.0.0.7')).toBe('http://10.0.0.7:8080')
})
