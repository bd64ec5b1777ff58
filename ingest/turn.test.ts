import { expect, it } from 'vitest'
import { turn } from './turn.ts'

it('lets the event loop go round between those who wait', async () => {
  const order: string[] = []
  const work = async (name: string) => {
    await turn()
    order.push(name)
    for (const until = performance.now() + 5; performance.now() < until; );
  }
  setTimeout(() => order.push('timer'), 1)
  await Promise.all(['a', 'b', 'c'].map(work))
  expect(order[0]).toBe('a')
  expect(order.indexOf('timer')).toBeLessThan(order.indexOf('c'))
  expect(order.filter((name) => name !== 'timer')).toEqual(['a', 'b', 'c'])
})
