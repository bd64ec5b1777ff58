import { expect, test } from 'vitest'
import { configSchema } from '../../schemas/config.ts'
import { PostflightError } from '../../schemas/errors.ts'
import { createLogger } from './context.ts'
import { outages } from './outages.ts'

function recorded(clock: () => number) {
  const lines: Record<string, unknown>[] = []
  const outage = outages(clock)
  const stream = { write: (line: string) => void lines.push(JSON.parse(line)) }
  const logger = createLogger(configSchema.parse({}), [stream], outage)
  return { lines, outage, logger }
}

test('a store that is away is told of once with its stack, then once a minute, and when it is back', () => {
  let now = 0
  const { lines, outage, logger } = recorded(() => now)
  const away = () => new PostflightError('STORE_UNREACHABLE', 'ClickHouse does not answer: ECONNREFUSED')
  const rooms = ['monitor', 'analysis', 'api'].map((room) => logger.child({ room }))

  outage.answered('store', logger)
  expect(lines).toEqual([])
  // Three rooms try again every ten seconds for two minutes and a half.
  for (; now <= 150_000; now += 10_000)
    for (const room of rooms) room.error({ err: away(), attempt: 1 }, 'It tries again')
  expect(lines.map(({ time: _, ...line }) => line)).toEqual([
    {
      ...{ level: 50, room: 'monitor', attempt: 1, msg: 'It tries again' },
      err: expect.objectContaining({
        code: 'STORE_UNREACHABLE',
        stack: expect.stringContaining('\n    at '),
      }),
    },
    ...[60, 120].map((seconds) => ({
      ...{ level: 50, room: 'monitor', attempt: 1, msg: 'It tries again', seconds },
      err: expect.objectContaining({
        ...{ code: 'STORE_UNREACHABLE', message: 'ClickHouse does not answer: ECONNREFUSED', stack: '' },
      }),
      failures: 3 * (seconds / 10) + 1,
    })),
  ])

  outage.answered('store', logger)
  outage.answered('store', logger)
  expect(lines.slice(3)).toMatchObject([
    { level: 30, failures: 48, seconds: 160, msg: 'ClickHouse answers again' },
  ])
  // The next time is another one; and what else fails is told of each time.
  rooms[0]?.error({ err: away() }, 'It tries again')
  for (let i = 0; i < 2; i++) logger.error({ err: new Error('else') }, 'Else')
  for (let i = 0; i < 2; i++) logger.error('Plain')
  expect(
    lines.slice(4).map(({ err, msg }) => [msg, (err as { stack?: string } | undefined)?.stack === undefined]),
  ).toEqual([
    ['It tries again', false],
    ['Else', false],
    ['Else', false],
    ['Plain', true],
    ['Plain', true],
  ])
})

test.each([
  [
    'kafka',
    'Kafka answers again',
    [new PostflightError('BROKER_UNREACHABLE', 'Kafka: consuming failed: ECONNREFUSED')],
  ],
  [
    'disk',
    'The disk takes rows again',
    [
      new PostflightError('JOURNAL_UNWRITABLE', 'Inserts cannot be noted: ENOSPC'),
      new PostflightError('STORE_FAILED', 'NOT_ENOUGH_SPACE', { details: { diskFull: true } }),
    ],
  ],
] as const)('so is what else may be away for a while: %s', (by, back, errors) => {
  let now = 0
  const { lines, outage, logger } = recorded(() => now)
  for (; now < 90_000; now += 1_000) {
    for (const err of errors) logger.warn({ err }, 'It tries again')
    // The store answers all the while; and what succeeds between two failures ends nothing.
    for (const one of ['store', by] as const) outage.answered(one, logger)
  }
  now += 5_000
  outage.answered(by, logger)
  const stack = (err: unknown) => (err as { stack?: string } | undefined)?.stack
  expect(lines.map(({ msg, failures, err }) => [msg, failures, Boolean(stack(err))])).toEqual([
    ['It tries again', undefined, true],
    ['It tries again', 60 * errors.length + 1, false],
    [back, 90 * errors.length, false],
  ])
})

test('a statement that the store refuses for another reason is told of each time', () => {
  const { lines, logger } = recorded(() => 0)
  const err = new PostflightError('STORE_FAILED', 'SYNTAX_ERROR', { details: { diskFull: false } })
  for (let i = 0; i < 2; i++) logger.error({ err }, 'It failed')
  expect(lines).toHaveLength(2)
})
