import { expect, it } from 'vitest'
import { surveyFindings } from './doctor-kafka.ts'

const topic = (waiting: number, partitions = 4) => ({ topic: 'postflight.logs', partitions, waiting })
const levels = (waiting: number, consumers: number) =>
  surveyFindings({ topics: [topic(waiting)], consumers }, 'postflight').map(({ level }) => level)

it('says that nobody stores what waits, long before it is much', () => {
  expect(levels(0, 0)).toEqual(['ok', 'ok'])
  expect(levels(1, 1)).toEqual(['ok', 'ok'])
  expect(levels(1, 0)).toEqual(['ok', 'warning'])
  expect(levels(10_001, 2)).toEqual(['warning', 'ok'])
  const [waits, consumers] = surveyFindings({ topics: [topic(1)], consumers: 0 }, 'postflight')
  expect(waits?.found).toBe('4 partitions, 1 request not stored yet')
  expect(consumers?.advice).toContain('postflight consume')
})

it('says that topics are made at the start', () => {
  expect(surveyFindings({ topics: [topic(0, 0)], consumers: 0 }, 'postflight')[0]).toMatchObject({
    level: 'warning',
    found: 'not there yet',
  })
})
