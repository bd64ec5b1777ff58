import { expect, test } from 'vitest'
import { configSchema } from '../../schemas/config.ts'
import { PostflightError } from '../../schemas/errors.ts'
import { createLogger } from './context.ts'
import { storeOutage } from './store-outage.ts'

test('a store that is away is told of once with its stack, then once a minute, and when it is back', () => {
  let now = 0
  const lines: Record<string, unknown>[] = []
  const outage = storeOutage(() => now)
  const stream = { write: (line: string) => void lines.push(JSON.parse(line)) }
  const logger = createLogger(configSchema.parse({}), [stream], outage)
  const away = () => new PostflightError('STORE_UNREACHABLE', 'ClickHouse does not answer: ECONNREFUSED')
  const rooms = ['monitor', 'analysis', 'api'].map((room) => logger.child({ room }))

  outage.answered(logger)
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

  outage.answered(logger)
  outage.answered(logger)
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
