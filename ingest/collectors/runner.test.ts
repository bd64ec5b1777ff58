import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { PostflightError } from '../../schemas/errors.ts'
import type { TelemetryRequest } from '../transport/transport.ts'
import type { Collector, Round } from './collector.ts'
import { single } from './metric.ts'
import { runCollectors } from './runner.ts'

const resource = { 'service.name': 'orders-db' }

function fixture(collect: (round: Round) => Promise<void>, more: Partial<Collector> = {}) {
  const sent: TelemetryRequest[] = []
  const warnings: string[] = []
  const seen: (() => boolean)[] = []
  const resolves: (() => void)[] = []
  const check = () => {
    for (const [at, condition] of seen.entries()) if (condition()) resolves[at]?.()
  }
  const collector: Collector = {
    kind: 'prometheus',
    target: 'x',
    resource,
    intervalSeconds: 0.005,
    timeoutSeconds: 5,
    collect: async (round) => {
      await collect(round)
      return [{ resource, metrics: single('gauge', 'm', '1', 1) }]
    },
    ...more,
  }
  const running = runCollectors({
    collectors: [collector],
    transport: {
      admit: () => {},
      send: async (request) => {
        sent.push(request)
        check()
        return { accepted: 1, rejected: 0, message: '' }
      },
    },
    logger: {
      info: () => {},
      debug: () => {},
      warn: (...args: unknown[]) => void warnings.push(String(args.at(-1))),
    },
    clock: Date.now,
    random: () => 0.5,
  })
  const until = (condition: () => boolean) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    seen.push(condition)
    resolves.push(resolve)
    check()
    return promise
  }
  return { running, sent, warnings, until }
}

describe('a runner', () => {
  it('sends what is read as OTLP, again and again, until it is closed', async () => {
    const { running, sent, until } = fixture(async () => {})
    await until(() => sent.length >= 3)
    await running.close()
    const after = sent.length
    await sleep(30)
    expect(sent.length).toBe(after)
    expect(sent[0]).toMatchObject({ signal: 'metrics', sender: 'collector prometheus x' })
    expect(sent[0]?.body.includes('orders-db')).toBe(true)
    expect(sent[0]?.body.includes('up')).toBe(true)
  })

  it('says that a target is down, warns once, and never runs it twice at once', async () => {
    let under = 0
    let most = 0
    const { running, sent, warnings, until } = fixture(async () => {
      under += 1
      most = Math.max(most, under)
      await sleep(3)
      under -= 1
      throw new Error('connect ECONNREFUSED')
    })
    await until(() => sent.length >= 3)
    await running.close()
    expect(most).toBe(1)
    expect(warnings).toEqual(['The target could not be read: connect ECONNREFUSED'])
    expect(sent.every(({ body }) => !body.includes('m\x12') && body.includes('up'))).toBe(true)
  })

  it('takes a round that is too long for a failure', async () => {
    const { running, sent, warnings, until } = fixture(
      ({ signal }) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
      { timeoutSeconds: 0.02 },
    )
    await until(() => sent.length >= 1)
    await running.close()
    expect(warnings).toEqual(['The target could not be read: No answer within 0.02 s'])
  })

  it('is not stopped by a store that is full', async () => {
    let full = true
    const sent: Buffer[] = []
    const done = Promise.withResolvers<void>()
    const running = runCollectors({
      collectors: [
        {
          kind: 'host',
          target: 'x',
          resource,
          intervalSeconds: 0.005,
          timeoutSeconds: 5,
          collect: async () => [],
        },
      ],
      transport: {
        admit: () => {
          if (full) {
            full = false
            throw new PostflightError('OVERLOADED', 'Too much at once')
          }
        },
        send: async ({ body }) => {
          sent.push(body)
          if (sent.length === 3) done.resolve()
          return { accepted: 1, rejected: 0, message: '' }
        },
      },
      logger: { info: () => {}, debug: () => {}, warn: () => {} },
      clock: Date.now,
      random: () => 0.1,
    })
    await done.promise
    await running.close()
  })
})
