import kafkajs from 'kafkajs'
import { expect, it, vi } from 'vitest'
import { groupOffsets } from './group-offsets.ts'

const QUERY = { groupId: 'postflight', topics: ['postflight.logs'] }
const answered = (type: string, retriable: boolean) =>
  new kafkajs.KafkaJSProtocolError(Object.assign(new Error(type), { type, retriable }))

it('asks again while the coordinator of a group is not there yet, and no more than it makes sense', async () => {
  const notThere = answered('NOT_COORDINATOR_FOR_GROUP', true)
  const fetchOffsets = vi
    .fn()
    .mockRejectedValueOnce(notThere)
    .mockRejectedValueOnce(notThere)
    .mockResolvedValue([])
  expect(await groupOffsets({ fetchOffsets }, QUERY)).toEqual([])
  expect(fetchOffsets).toHaveBeenCalledTimes(3)

  const never = vi.fn().mockRejectedValue(notThere)
  await expect(groupOffsets({ fetchOffsets: never }, QUERY)).rejects.toBe(notThere)
  expect(never).toHaveBeenCalledTimes(5)

  const forbidden = answered('GROUP_AUTHORIZATION_FAILED', false)
  const refused = vi.fn().mockRejectedValue(forbidden)
  await expect(groupOffsets({ fetchOffsets: refused }, QUERY)).rejects.toBe(forbidden)
  expect(refused).toHaveBeenCalledTimes(1)
})
