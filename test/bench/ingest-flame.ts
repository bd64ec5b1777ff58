import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type CpuProfile,
  callsOf,
  childOf,
  type Frame,
  flameGraph,
  frame,
  scaled,
  totalOf,
} from './flame-graph.ts'
import { empty, openBench, settle } from './ingest-bench.ts'
import { CONNECTIONS, logBodies, RECORDS_EACH } from './ingest-parts.ts'
import { send } from './ingest-send.ts'

/** The clock of V8's profiles, microseconds. */
const now = () => Number(process.hrtime.bigint() / 1000n)

/** CPU seconds so far of each thread of a process, by its id. */
async function threadsOf(pid: number): Promise<Map<number, { name: string; seconds: number }>> {
  const threads = new Map<number, { name: string; seconds: number }>()
  for (const id of await readdir(`/proc/${pid}/task`)) {
    const stat = await readFile(`/proc/${pid}/task/${id}/stat`, 'utf8').catch(() => '')
    const [, name = '', rest = ''] = /^\d+ \((.*)\) (.*)$/s.exec(stat) ?? []
    const fields = rest.split(' ')
    threads.set(Number(id), { name, seconds: (Number(fields[11]) + Number(fields[12])) / 100 })
  }
  return threads
}

interface Moment {
  readonly at: number
  readonly receiver: Awaited<ReturnType<typeof threadsOf>>
  readonly store: Awaited<ReturnType<typeof threadsOf>>
}

/**
 * Where the CPU of receiver and store goes while logs are taken as fast as they come, and until their merges have settled: a flame graph whose widths are CPU seconds for a million
 * logs. What runs in JavaScript comes from V8's profiles, scaled to the main thread's CPU; the other threads (garbage collection, files, the engine's own)
 * are told by their names. Linux only.
 * @returns CPU seconds for a million logs
 */
export async function drawFlames(seconds: number, path: string): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'postflight-flame-'))
  try {
    const bench = await openBench(['--cpu-prof', `--cpu-prof-dir=${folder}`])
    const bodies = await logBodies()
    const moment = async (): Promise<Moment> => ({
      at: now(),
      receiver: await threadsOf(bench.pids.receiver),
      store: await threadsOf(bench.pids.store),
    })
    let before: Moment
    let after: Moment
    let millions: number
    try {
      const load = {
        url: `${bench.url}/v1/logs`,
        files: bodies.files,
        recordsEach: RECORDS_EACH,
        madeAt: bodies.madeAt,
        connections: CONNECTIONS,
        seconds,
      }
      await send({ ...load, seconds: Math.min(3, seconds) })
      await empty(bench.store)
      before = await moment()
      millions = (await send(load)).acknowledged / 1e6
      await settle(bench.store)
      after = await moment()
    } finally {
      await bodies.remove()
      // The profiles are written when the processes end.
      await bench.close()
    }
    const root = frame('receiver and store')
    for (const name of ['receiver', 'store'] as const) {
      const pid = bench.pids[name]
      const calls = callsOf(await profileOf(folder, pid), 'JavaScript', before.at, after.at)
      root.children.set(name, threadFrames(name, pid, before[name], after[name], calls))
    }
    const perMillion = scaled(root, 1 / millions)
    const total = totalOf(perMillion)
    const title = `CPU seconds for a million logs: ${total.toFixed(2)} (receiver ${totalOf(childOf(perMillion, 'receiver')).toFixed(2)}, store ${totalOf(childOf(perMillion, 'store')).toFixed(2)}, merges included)`
    await writeFile(path, flameGraph(perMillion, title, 's'))
    return total
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The profiler's own thread: it is there only for the picture. */
const PROFILER = 'v8:ProfEvntProc'

/** A process by its threads; threads of one name are one, and those that ended meanwhile are not seen. */
function threadFrames(
  name: string,
  pid: number,
  before: Moment['receiver'],
  after: Moment['receiver'],
  calls: Frame,
): Frame {
  const root = frame(name)
  for (const [id, thread] of after) {
    const spent = thread.seconds - (before.get(id)?.seconds ?? 0)
    if (id === pid) root.children.set(calls.name, scaled(calls, spent / Math.max(1, totalOf(calls))))
    else if (spent > 0 && thread.name !== PROFILER)
      childOf(root, `thread ${thread.name.replace(/\d+$/, '')}`).self += spent
  }
  return root
}

async function profileOf(folder: string, pid: number): Promise<CpuProfile> {
  const name = (await readdir(folder)).find((one) => one.split('.')[3] === String(pid))
  if (name === undefined) throw new Error(`Process ${pid} left no profile in ${folder}`)
  return JSON.parse(await readFile(join(folder, name), 'utf8')) as CpuProfile
}
