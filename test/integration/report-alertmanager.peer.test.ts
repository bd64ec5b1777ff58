import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { alertmanager } from '../../analytics/alerts/receivers/alertmanager.ts'
import { alertsSchema } from '../../schemas/alerts.ts'
import { freePort } from '../peers/free-port.ts'
import { noticeThat } from './report-alert-fixture.ts'
import { type Hook, openHook } from './report-hook.ts'

describe("Debian's prometheus-alertmanager", () => {
  let folder: string
  let server: ChildProcess
  let hook: Hook
  let url: string
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'postflight-alertmanager-'))
    hook = await openHook()
    const config = join(folder, 'alertmanager.yml')
    writeFileSync(
      config,
      `route: {receiver: hook, group_by: ['...'], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}
receivers: [{name: hook, webhook_configs: [{url: '${hook.url}', send_resolved: true}]}]
`,
    )
    const port = await freePort()
    url = `http://127.0.0.1:${port}`
    server = spawn(
      'prometheus-alertmanager',
      [
        `--config.file=${config}`,
        `--storage.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--cluster.listen-address=',
      ],
      { stdio: 'ignore' },
    )
    const failed = new Promise<never>((_, reject) => {
      server.once('error', (error) => {
        reject(new Error('install it: apt-get install -y prometheus-alertmanager', { cause: error }))
      })
    })
    const ready = async () => {
      for (let i = 0; i < 100; i++) {
        const answer = await fetch(`${url}/-/ready`).catch(() => undefined)
        if (answer?.ok === true) return
        await sleep(100)
      }
      throw new Error('Alertmanager did not get ready')
    }
    await Promise.race([ready(), failed])
  })
  afterAll(async () => {
    server?.kill('SIGKILL')
    await hook?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  it('notifies once however often a firing alert is sent, and once when it ends', async () => {
    const [settings] = alertsSchema.parse({ alertmanagers: [url] }).alertmanagers
    const receiver = alertmanager(settings ?? expect.fail('no settings'))
    const start = Date.now()
    const notice = noticeThat('firing', start)
    for (let i = 0; i < 4; i++) {
      await receiver.send(notice, Date.now())
      await sleep(700)
    }
    expect(hook.bodies.map((body) => JSON.parse(body).status)).toEqual(['firing'])
    const [told] = JSON.parse(hook.bodies[0] ?? '').alerts
    expect(told.labels).toMatchObject({
      alertname: 'PostflightRegression',
      service: 'checkout',
      version: '2.7.0',
    })
    expect(told.annotations.summary).toBe(notice.alert.summary)
    const over = new Date().toISOString()
    for (let i = 0; i < 3; i++)
      await receiver.send(noticeThat('resolved', start, { endsAt: over }), Date.now())
    for (let i = 0; i < 50 && hook.bodies.length < 2; i++) await sleep(100)
    await sleep(1500)
    expect(hook.bodies.map((body) => JSON.parse(body).status)).toEqual(['firing', 'resolved'])
  })

  it('notifies anew when an alert gets worse, and the former severity ends', async () => {
    const [settings] = alertsSchema.parse({ alertmanagers: [url] }).alertmanagers
    const receiver = alertmanager(settings ?? expect.fail('no settings'))
    const about = { id: 'regression-2', deploymentId: '2', version: '2.8.0' }
    const before = hook.bodies.length
    const seen = () =>
      hook.bodies
        .slice(before)
        .map((body) => JSON.parse(body))
        .map(({ status, alerts }) => `${status} ${alerts[0].labels.severity}`)
    await receiver.send(noticeThat('firing', Date.now(), { ...about, severity: 'ticket' }), Date.now())
    await expect.poll(seen, { timeout: 10_000 }).toEqual(['firing ticket'])
    const worse = {
      ...noticeThat('firing', Date.now(), { ...about, revision: 2 }),
      formerSeverities: ['ticket' as const],
    }
    await receiver.send(worse, Date.now())
    await expect
      .poll(() => seen().toSorted(), { timeout: 10_000 })
      .toEqual(['firing page', 'firing ticket', 'resolved ticket'])
  })
})
