import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningIngest, startIngest } from '../../../test/conformance/postflight.ts'
import { type Shop, startShop } from './start-shop.ts'

describe('the live shop', () => {
  let ingest: RunningIngest
  let shop: Shop | undefined
  beforeAll(async () => {
    ingest = await startIngest()
    shop = await startShop({
      otlpUrl: ingest.url,
      environment: 'live',
      seed: 1001,
      sessionsPerSecond: 3,
      versions: { gateway: '3.8.0', checkout: '2.6.0', catalogue: '1.11.0' },
    })
    await shop.rollOutCheckout('2.7.0')
  }, 120_000)
  afterAll(async () => {
    await shop?.stop()
    await ingest.close()
  }, 60_000)

  /** Asks until the answer is there, or the time is up. */
  const until = async <T>(query: () => Promise<T | undefined>): Promise<T> => {
    for (let i = 0; i < 60; i++) {
      const answer = await query()
      if (answer !== undefined) return answer
      await wait(1000)
    }
    throw new Error('it did not come within a minute')
  }
  const spans = (where: string) =>
    ingest.store.query<{ n: number }>(`SELECT count() AS n FROM otel_traces WHERE ${where}`)
  const some = (where: string) =>
    until(async () => {
      const n = (await spans(where))[0]?.n ?? 0
      return n > 0 ? n : undefined
    })

  it('sends routes, statements, calls, sessions, logs and process metrics as a user would', async () => {
    await some(
      "ServiceName = 'gateway' AND SpanKind = 'Server' AND SpanAttributes['http.route'] = '/products/:id'",
    )
    await some("ServiceName = 'gateway' AND SpanAttributes['session.id'] != ''")
    await some("ServiceName = 'gateway' AND SpanKind = 'Client' AND SpanAttributes['server.address'] != ''")
    await some("ServiceName = 'catalogue' AND SpanAttributes['db.query.text'] LIKE 'SELECT id, name%'")
    await until(async () => {
      const rows = await ingest.store.query<{ measure: string }>(
        "SELECT DISTINCT measure FROM signal_1m WHERE environment = 'live' AND service = 'checkout'",
      )
      const measures = new Set(rows.map((row) => row.measure))
      const wanted = ['log.record', 'process.cpu', 'process.memory_gauge', 'runtime.event_loop_delay']
      return wanted.every((measure) => measures.has(measure)) ? true : undefined
    })
  }, 90_000)

  it('does its two mistakes in the new version only', async () => {
    const version = (name: string) =>
      `ServiceName = 'checkout' AND ResourceAttributes['service.version'] = '${name}'`
    await some(`${version('2.7.0')} AND has(Events.Name, 'exception')`)
    /** Looks for the price by item put into a cart; undefined as long as too few were to tell. */
    const calls = async (name: string, fewest: number): Promise<number | undefined> => {
      const price = `SpanAttributes['db.query.text'] = 'SELECT price_cents FROM product WHERE id = ?'`
      const [all] = await spans(`${version(name)} AND ${price}`)
      const [items] = await spans(
        `${version(name)} AND SpanKind = 'Server' AND SpanName = 'POST /carts/:id/items'`,
      )
      return all === undefined || items === undefined || items.n < fewest ? undefined : all.n / items.n
    }
    // Carts differ: with more of them it shows.
    await until(async () => ((await calls('2.7.0', 20)) ?? 0) > 1.3 || undefined)
    await until(async () => ((await calls('2.6.0', 1)) ?? 2) < 1.15 || undefined)
    expect((await spans(`${version('2.6.0')} AND has(Events.Name, 'exception')`))[0]?.n).toBe(0)
  }, 200_000)
})
