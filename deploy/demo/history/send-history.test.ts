import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import type { HistoryChunk } from './generate-history.ts'
import { sendHistory } from './send-history.ts'

const chunk = (from: number): HistoryChunk => ({
  from,
  to: from + 1,
  traces: Buffer.from(`traces ${from}`),
  logs: Buffer.alloc(0),
  metrics: Buffer.from(`metrics ${from}`),
  spans: 1,
  logRecords: 0,
  points: 2,
})

describe('sending a history', () => {
  const closers: (() => void)[] = []
  afterEach(() => {
    for (const close of closers.splice(0)) close()
  })
  const receiver = async (listener: RequestListener): Promise<string> => {
    const server = createServer((request, response) => {
      request.resume().on('end', () => listener(request, response))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    closers.push(() => {
      server.close()
      server.closeAllConnections()
    })
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  it('sends again what was refused for now, and acknowledges in the order of time', async () => {
    const asked: string[] = []
    const otlpUrl = await receiver((request, response) => {
      asked.push(request.url ?? '')
      if (asked.length === 2) response.writeHead(503, { 'retry-after': '0' }).end()
      else response.writeHead(200).end()
    })
    const acknowledged: number[] = []
    const sent = await sendHistory([chunk(0), chunk(1), chunk(2)], {
      otlpUrl,
      concurrency: 2,
      onAcknowledged: ({ from }) => {
        acknowledged.push(from)
      },
    })
    expect(sent).toMatchObject({ spans: 3, points: 6, retries: 1 })
    expect(acknowledged).toEqual([0, 1, 2])
    // Empty requests are not sent.
    expect(asked).toHaveLength(7)
    expect(asked).not.toContain('/v1/logs')
  })

  it('says why it was refused for good, and when only a part was taken', async () => {
    const refusing = await receiver((_, response) => response.writeHead(400).end('no'))
    await expect(sendHistory([chunk(0)], { otlpUrl: refusing, concurrency: 1 })).rejects.toThrow(
      '/v1/traces: HTTP 400 no',
    )
    const partly = await receiver((_, response) => response.writeHead(200).end('3 rejected'))
    await expect(sendHistory([chunk(0)], { otlpUrl: partly, concurrency: 1 })).rejects.toThrow(
      'taken in part',
    )
  })

  it('stops when told to', async () => {
    const otlpUrl = await receiver((_, response) => response.writeHead(503, { 'retry-after': '1' }).end())
    const stop = new AbortController()
    setTimeout(() => stop.abort(), 50)
    await expect(sendHistory([chunk(0)], { otlpUrl, concurrency: 1, signal: stop.signal })).rejects.toThrow()
  })
})
