import { expect, it } from 'vitest'
import { BodyTurns } from './body-turns.ts'

/** Names in the order in which their bodies may be read, and how to leave. */
function setUp(maxBytes: number) {
  const turns = new BodyTurns(maxBytes)
  const order: string[] = []
  const leaves = new Map<string, () => void>()
  const enter = (name: string, bytes: number) =>
    turns.enter(bytes).then((leave) => {
      order.push(name)
      leaves.set(name, leave)
    })
  const leave = async (name: string) => {
    leaves.get(name)?.()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { enter, order, leave }
}

it('lets bodies be read together as far as there is room, and then in their order', async () => {
  const { enter, order, leave } = setUp(100)
  await Promise.all([enter('a', 60), enter('b', 40)])
  void enter('c', 50)
  void enter('d', 1)
  await leave('b')
  expect(order).toEqual(['a', 'b'])
  await leave('a')
  expect(order).toEqual(['a', 'b', 'c', 'd'])
  // Twice is once.
  await leave('a')
  void enter('e', 60)
  await leave('none')
  expect(order).toHaveLength(4)
})

it('reads one that is larger than all may be, alone', async () => {
  const { enter, order, leave } = setUp(100)
  await enter('large', 1_000)
  void enter('next', 1)
  await leave('none')
  expect(order).toEqual(['large'])
  await leave('large')
  expect(order).toEqual(['large', 'next'])
})

it('goes on beside a sender that is slow', { timeout: 10_000 }, async () => {
  const { enter, order } = setUp(100)
  await enter('slow', 100)
  await enter('next', 100)
  expect(order).toEqual(['slow', 'next'])
})
