/**
 * Random and damaged byte strings against the decoders of requests: never a crash, a hang or a byte read past the end.
 * `npm run fuzz -- [--count N] [--seed S] [--from NUMBER] [--workers N] [--json]`
 * `--from` goes on where a run was stopped. Ends with status 1 if there is a failure; each says the number and the bytes of its input.
 */
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { Presets, SingleBar } from 'cli-progress'
import type { FuzzCounts } from './fuzzer.ts'

/** Inputs that a worker is given at once. */
const RANGE = 100_000
/** Milliseconds: an input that takes longer hangs; one at a low priority may wait long for its turn. */
const LIMIT = 60_000
/** Milliseconds between two lines of progress where no terminal shows a bar. */
const LINE_EVERY = 60_000

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
    from: { type: 'string', default: '0' },
    workers: { type: 'string', default: String(availableParallelism()) },
    json: { type: 'boolean', default: false },
  },
})
const number = (name: 'count' | 'seed' | 'from' | 'workers', least: number) => {
  const value = Number(values[name])
  if (Number.isSafeInteger(value) && value >= least) return value
  throw new Error(`--${name} wants a whole number from ${least}, not ${values[name]}`)
}
const [seed, from, count] = [number('seed', 0), number('from', 0), number('count', 1)]
const total: FuzzCounts = { inputs: 0, refused: 0, putAside: 0, rows: 0, failures: [] }
const started = performance.now()
const bar = new SingleBar(
  { format: '{bar} {percentage} % | {value} of {total} inputs | {failures} failures | {eta_formatted}' },
  Presets.shades_classic,
)
const shown = !values.json && process.stderr.isTTY
if (shown) bar.start(count, 0, { failures: 0 })
let told = started
let next = from
// Whatever ends it, what was run until then is said.
let stopped = false
process.once('SIGINT', () => {
  stopped = true
})
process.once('SIGTERM', () => {
  stopped = true
})
await Promise.all(Array.from({ length: number('workers', 1) }, work))
bar.stop()
const seconds = (performance.now() - started) / 1000
const { user, system } = process.cpuUsage()
const cpuSeconds = (user + system) / 1e6
const result = { seed, ...total, seconds, cpuSeconds, perSecond: total.inputs / seconds }
if (values.json) console.log(JSON.stringify(result))
else {
  for (const failure of total.failures.slice(0, 10)) console.error(failure)
  console.log(
    `${total.inputs} inputs (seed ${seed}): ${total.refused} refused, ${total.putAside} records put aside, ${total.rows} rows, ` +
      `${total.failures.length} failures; ${Math.round(result.perSecond)} a second, ${Math.round(total.inputs / cpuSeconds)} a second of CPU`,
  )
}
process.exitCode = total.failures.length === 0 ? 0 : 1

async function work(): Promise<void> {
  const beats = new Int32Array(new SharedArrayBuffer(8))
  const worker = new Worker(new URL('./fuzz-worker.ts', import.meta.url), { workerData: { seed, beats } })
  try {
    while (next < from + count && !stopped) {
      const range = { from: next, count: Math.min(RANGE, from + count - next) }
      next += range.count
      add(await answer(worker, beats, range))
    }
  } finally {
    await worker.terminate()
  }
}

function answer(
  worker: Worker,
  beats: Int32Array,
  range: { readonly from: number; readonly count: number },
): Promise<FuzzCounts> {
  return new Promise((resolve, reject) => {
    let last = -1
    let since = performance.now()
    const settle = () => {
      clearInterval(watch)
      worker.off('message', done)
      worker.off('error', failed)
    }
    const input = () => `Input ${range.from + Atomics.load(beats, 0)} of seed ${seed}`
    const watch = setInterval(() => {
      const beat = Atomics.load(beats, 1)
      if (beat !== last) [last, since] = [beat, performance.now()]
      else if (performance.now() - since > LIMIT) {
        settle()
        reject(new Error(`${input()} hangs`))
      }
    }, 500)
    const done = (counts: FuzzCounts) => {
      settle()
      resolve(counts)
    }
    const failed = (error: unknown) => {
      settle()
      reject(new Error(`${input()} ended the worker`, { cause: error }))
    }
    worker.on('message', done)
    worker.on('error', failed)
    worker.postMessage(range)
  })
}

function add(counts: FuzzCounts): void {
  total.inputs += counts.inputs
  total.refused += counts.refused
  total.putAside += counts.putAside
  total.rows += counts.rows
  total.failures.push(...counts.failures)
  if (shown) bar.update(total.inputs, { failures: total.failures.length })
  else if (performance.now() - told > LINE_EVERY) {
    told = performance.now()
    const minutes = ((told - started) / 60_000).toFixed(1)
    process.stderr.write(
      `${minutes} min  ${total.inputs} of ${count} inputs, ${total.failures.length} failures\n`,
    )
  }
}
