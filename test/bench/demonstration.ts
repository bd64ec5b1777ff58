import { spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { runHistory } from '../../deploy/demo/history/run-history.ts'
import { DEFAULT_SEED, planHistory } from '../../deploy/demo/truth/plan-history.ts'
import { freePorts } from '../peers/free-port.ts'

const CLI = fileURLToPath(new URL('../../deploy/cli/postflight.ts', import.meta.url))

export interface ResidentMb {
  readonly total: number
  readonly postflight: number
  readonly store: number
}

export interface Demonstration {
  readonly apiUrl: string
  /** From the start of the process to the first answer of /readyz, on a new data folder. */
  readonly readySeconds: number
  residentMb(): Promise<ResidentMb>
  stop(): Promise<void>
}

/** Postflight in a process of its own, as `npm start` runs it, with the demonstration's history loaded and reported on. */
export async function startDemonstration(days: number): Promise<Demonstration> {
  const folder = await mkdtemp(join(tmpdir(), 'postflight-bench-'))
  const [api, otlp, store] = await freePorts(3)
  const began = performance.now()
  const child = spawn(
    process.execPath,
    [
      CLI,
      'up',
      '--dataDir',
      join(folder, 'data'),
      '--api.port',
      `${api}`,
      '--otlp.port',
      `${otlp}`,
      '--otlp.grpcPort',
      '0',
      '--clickhouse.port',
      `${store}`,
      '--analysis.intervalSeconds',
      '5',
      '--logLevel',
      'warn',
    ],
    { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] },
  )
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const stop = async () => {
    child.kill('SIGTERM')
    await gone
    await rm(folder, { recursive: true, force: true })
  }
  const apiUrl = `http://127.0.0.1:${api}`
  try {
    await until(async () => (await fetch(`${apiUrl}/readyz`).catch(() => undefined))?.ok === true, 60_000, 10)
    const readySeconds = (performance.now() - began) / 1000
    const truth = planHistory(DEFAULT_SEED, days)
    await runHistory({
      truth,
      end: Math.floor(Date.now() / 60_000) * 60_000,
      otlpUrl: `http://127.0.0.1:${otlp}`,
      tell: async (told) => {
        const answer = await fetch(`${apiUrl}/api/v1/deployments`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(told),
        })
        if (!answer.ok) throw new Error(`POST /api/v1/deployments: ${answer.status} ${await answer.text()}`)
      },
    })
    await until(async () => (await finalReports(apiUrl)) >= truth.deployments.length * 0.8, 300_000, 2000)
    return { apiUrl, readySeconds, residentMb: () => residentMb(child.pid ?? 0), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function finalReports(apiUrl: string): Promise<number> {
  const answer = await fetch(`${apiUrl}/api/v1/reports?limit=100`)
  const { items } = (await answer.json()) as { items: { provisional: boolean | null }[] }
  return items.filter((item) => item.provisional === false).length
}

async function until(holds: () => Promise<boolean>, timeout: number, every: number): Promise<void> {
  const end = performance.now() + timeout
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`not there after ${timeout / 1000} s: ${holds.toString()}`)
    await wait(every)
  }
}

/** Of the process and its children (the store), by /proc. */
async function residentMb(pid: number): Promise<ResidentMb> {
  const children: number[] = []
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    const stat = await readFile(`/proc/${entry}/stat`, 'utf8').catch(() => '')
    // The command is in parentheses and may hold spaces; the parent is the second field after it.
    if (Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === pid) children.push(Number(entry))
  }
  const postflight = await rss(pid)
  const store = (await Promise.all(children.map(rss))).reduce((sum, one) => sum + one, 0)
  return { postflight, store, total: postflight + store }
}

async function rss(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024)
}
