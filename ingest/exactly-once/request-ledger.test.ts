import { expect, it } from 'vitest'
import { RequestLedger } from './request-ledger.ts'
import { leastMark, markFromText, markOf, timeOf } from './request-mark.ts'

const NOW = 1_790_000_000_000
const request = (text: string, receivedAt = NOW, sender = 'a') =>
  markOf({
    signal: 'logs',
    contentType: 'application/json',
    body: Buffer.from(text),
    sender,
    receivedAt,
  })

it('knows a request by table, sender and bytes, whenever it is repeated inside the window', () => {
  const ledger = new RequestLedger({ window: 60_000 })
  for (let i = 0; i < 5_000; i++) ledger.add(request(`${i}`), i % 8, NOW)
  for (let i = 0; i < 5_000; i++) {
    const repeated = request(`${i}`, NOW + 30_000)
    expect(ledger.has(repeated, i % 8, NOW + 30_000)).toBe(true)
    expect(ledger.has(repeated, (i + 1) % 8, NOW + 30_000)).toBe(false)
  }
  expect(ledger.has(request('1', NOW, 'b'), 1, NOW)).toBe(false)
  expect(ledger.size).toBe(5_000)
})

it('forgets what is older than its window', () => {
  const ledger = new RequestLedger({ window: 60_000 })
  ledger.add(request('x'), 0, NOW)
  expect(ledger.has(request('x'), 0, NOW + 60_000)).toBe(true)
  expect(ledger.has(request('x'), 0, NOW + 80_000)).toBe(false)
  expect(ledger.size).toBe(0)
})

it('keeps the newest requests when there are more than it may know', () => {
  const ledger = new RequestLedger({ window: 60_000, maxRequests: 1_000 })
  for (let i = 0; i < 10_000; i++) ledger.add(request(`${i}`), 0, NOW)
  expect(ledger.has(request('9999'), 0, NOW)).toBe(true)
  expect(ledger.has(request('0'), 0, NOW)).toBe(false)
})

it('writes marks so that they compare as their times do', () => {
  const mark = request('x', NOW + 999)
  expect(timeOf(mark)).toBe(NOW)
  const number = BigInt(`0x${Buffer.from(mark).reverse().toString('hex')}`)
  expect(markFromText(String(number))).toEqual(mark)
  expect(number >= BigInt(leastMark(NOW))).toBe(true)
  expect(number < BigInt(leastMark(NOW + 1000))).toBe(true)
})
