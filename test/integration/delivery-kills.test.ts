import { type ChildProcess, spawn } from 'node:child_process'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LEASE } from '../../analytics/alerts/lane.ts'
import { listNotifications } from '../../analytics/alerts/outbox.ts'
import { storeIncident } from '../../analytics/alerts/stored-alerts.ts'
import { firingIncident } from './report-alert-fixture.ts'
import { type Bench, openBench } from './report-fixture.ts'

const ENTRY = join(import.meta.dirname, 'delivery-process.ts')
const PATIENCE = { timeout: 90_000, interval: 100 }

describe('a process that is killed with a message on its way', { timeout: 300_000 }, () => {
  let bench: Bench
  let server: Server
  let child: ChildProcess | undefined
  let started = 0
  /** When true, the process that sends next is killed before it hears the answer. */
  let killing = false
  const heard: { path: string; id: string; event: string }[] = []
  beforeAll(async () => {
    bench = await openBench()
    server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const body = JSON.parse(Buffer.concat(chunks).toString()) as { event?: string; text?: string }
        const id = String(request.headers['webhook-id'] ?? '')
        heard.push({ path: request.url ?? '', id, event: body.event ?? body.text?.split(' ')[0] ?? '' })
        if (killing) {
          killing = false
          child?.kill('SIGKILL')
        }
        response.end('ok')
      })
    })
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  }, 300_000)
  afterAll(async () => {
    child?.kill('SIGKILL')
    server?.closeAllConnections()
    server?.close()
    await bench?.close()
  })
  const start = (path: string) => {
    started += 1
    const { port } = server.address() as AddressInfo
    const url = `http://127.0.0.1:${port}/${path}`
    const alerts = path === 'hook' ? { webhooks: [{ name: 'x', url }] } : { slack: [{ name: 'x', url }] }
    const options = { store: bench.store.url, name: `p${started}`, ahead: started * (LEASE + 1000), alerts }
    child = spawn(process.execPath, [ENTRY, JSON.stringify(options)], { stdio: 'ignore' })
    return new Promise<void>((done) => child?.on('close', () => done()))
  }

  it.each(['hook', 'chat'])(
    'is followed by one that tells the %s all of it, with one repeat a kill at most',
    async (path) => {
      const id = `regression-${path}`
      const mine = () => heard.filter((one) => one.path === `/${path}`)
      const incident = firingIncident(Date.now(), { id })
      await storeIncident(bench.store, incident, Date.now())
      killing = true
      await start(path)
      expect(mine()).toHaveLength(1)
      // The next one repeats the beginning, and dies over the end.
      let ended = start(path)
      await expect.poll(() => mine().length, PATIENCE).toBe(2)
      await expect
        .poll(
          async () => (await listNotifications(bench.store, { subjects: [id] })).map(({ state }) => state),
          PATIENCE,
        )
        .toEqual(['sent'])
      killing = true
      const over = { status: 'resolved', endsAt: new Date().toISOString(), revision: 2 } as const
      await storeIncident(bench.store, { ...incident, ...over }, Date.now())
      await ended
      ended = start(path)
      await expect
        .poll(
          async () => (await listNotifications(bench.store, { subjects: [id] })).map(({ state }) => state),
          PATIENCE,
        )
        .toEqual(['sent', 'sent'])
      child?.kill('SIGKILL')
      await ended
      const events = mine().map(({ event }) => event)
      // Two kills, two repeats, and beginning and end in their order.
      expect(events).toEqual(
        path === 'hook'
          ? ['firing', 'firing', 'resolved', 'resolved']
          : ['PAGE:', 'PAGE:', 'Resolved:', 'Resolved:'],
      )
      // Whoever knows messages by their id has seen two.
      if (path === 'hook') expect(new Set(mine().map((one) => one.id)).size).toBe(2)
    },
  )
})
