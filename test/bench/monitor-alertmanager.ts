import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openHook } from '../integration/report-hook.ts'
import { freePort } from '../peers/free-port.ts'

/** What a person was told through the real Alertmanager. */
export interface Told {
  readonly at: number
  readonly status: 'firing' | 'resolved'
  readonly labels: Readonly<Record<string, string>>
}

export interface RunningAlertmanager {
  readonly url: string
  /** Notifications so far, in order. */
  told(): readonly Told[]
  stop(): Promise<void>
}

/** Debian's Alertmanager, which notifies at once and keeps what it was told. @throws Error where the package is not installed */
export async function startAlertmanager(): Promise<RunningAlertmanager> {
  const folder = await mkdtemp(join(tmpdir(), 'postflight-alertmanager-'))
  const hook = await openHook()
  const config = join(folder, 'alertmanager.yml')
  await writeFile(
    config,
    `route: {receiver: hook, group_by: ['...'], group_wait: 0s, group_interval: 1s, repeat_interval: 4h}
receivers: [{name: hook, webhook_configs: [{url: '${hook.url}', send_resolved: true}]}]
`,
  )
  const port = await freePort()
  const server = spawn(
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
    server.once('error', (error) =>
      reject(new Error('install it: apt-get install -y prometheus-alertmanager', { cause: error })),
    )
  })
  const url = `http://127.0.0.1:${port}`
  const ready = async () => {
    for (let i = 0; i < 300; i++) {
      if ((await fetch(`${url}/-/ready`).catch(() => undefined))?.ok === true) return
      await sleep(100)
    }
    throw new Error('Alertmanager did not get ready')
  }
  await Promise.race([ready(), failed])
  const told: Told[] = []
  let read = 0
  const collect = () => {
    for (; read < hook.bodies.length; read++) {
      const body = JSON.parse(hook.bodies[read] ?? '{}') as {
        alerts?: { status: Told['status']; labels: Told['labels'] }[]
      }
      for (const { status, labels } of body.alerts ?? []) told.push({ at: Date.now(), status, labels })
    }
  }
  // Often enough for a time to be known within a quarter of a second.
  const timer = setInterval(collect, 250)
  return {
    url,
    told: () => {
      collect()
      return told
    },
    stop: async () => {
      clearInterval(timer)
      server.kill('SIGKILL')
      await hook.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
