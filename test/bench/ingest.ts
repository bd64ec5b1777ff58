import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { measureCollector } from './ingest-collector.ts'
import { drawFlames } from './ingest-flame.ts'
import { measureBurst, measureLatency, measureOverload, measureSustained } from './ingest-parts.ts'
import { measureKafka } from './kafka.ts'

const PARTS = ['burst', 'sustained', 'latency', 'overload', 'collector', 'kafka'] as const
type Part = (typeof PARTS)[number]

/** What `--json` ends with; with `--only`, what was measured of it. */
interface Figures {
  logsPerSecond?: number
  spansPerSecond?: number
  pointsPerSecond?: number
  engineRatio?: number
  sustainedLogsPerSecond?: number
  sustainedEngineRatio?: number
  cpuSecondsPerMillionLogs?: number
  collectorCpuRatio?: number
  kafkaRatio?: number
  ackP50Ms?: number
  ackP99Ms?: number
  receiverRssMb?: number
}

/** Seconds that each part measures at a time, and how often. */
interface Sizes {
  readonly burst: number
  readonly sustained: number
  readonly idle: number
  readonly latency: number
  readonly overload: number
  readonly collector: number
  readonly kafka: number
  readonly rounds: number
}

const FULL: Sizes = {
  burst: 60,
  sustained: 600,
  idle: 20,
  latency: 30,
  overload: 30,
  collector: 30,
  kafka: 30,
  rounds: 3,
}
const QUICK: Sizes = {
  burst: 8,
  sustained: 8,
  idle: 3,
  latency: 5,
  overload: 5,
  collector: 5,
  kafka: 5,
  rounds: 1,
}

/** Half of what was found to be sustained is offered where that is not known: half of what is wanted. */
const WANTED_SUSTAINED = 120_000
const WANTED_BURST = 400_000

const round = (value: number, digits = 0) => Math.round(value * 10 ** digits) / 10 ** digits
const thousands = (value: number) => `${round(value / 1000)} thousand`

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    only: { type: 'string', default: PARTS.join(',') },
    seconds: { type: 'string' },
    rounds: { type: 'string' },
    flame: { type: 'boolean', default: false },
  },
})
const parts = new Set(values.only.split(',').map(partOf))
const sizes = sizesOf(values)
const figures: Figures = {}
const begun = performance.now()

function partOf(name: string): Part {
  const part = PARTS.find((one) => one === name)
  if (part === undefined)
    throw new Error(`--only takes ${PARTS.join(', ')}, separated by commas, not ${name}`)
  return part
}

function sizesOf(options: { quick: boolean; seconds?: string; rounds?: string }): Sizes {
  const preset = options.quick ? QUICK : FULL
  const of = (name: 'seconds' | 'rounds') => {
    const given = options[name]
    if (given === undefined) return undefined
    const number = Number(given)
    if (!(number >= 1)) throw new Error(`--${name} takes a number from 1 on, not ${given}`)
    return number
  }
  const rounds = of('rounds') ?? preset.rounds
  const seconds = of('seconds')
  if (seconds === undefined) return { ...preset, rounds }
  const all = { burst: seconds, sustained: seconds, latency: seconds, overload: seconds }
  return { ...preset, ...all, collector: seconds, kafka: seconds, rounds }
}

/** One line of the table of results; `wanted` as in the goals. */
function say(figure: string, measured: string, wanted = ''): void {
  if (values.json) return
  process.stdout.write(`${figure.padEnd(58)} ${measured.padEnd(18)} ${wanted}\n`)
}

/** In a terminal: what is being measured, on a line that the next one takes the place of. */
async function during<T>(part: string, work: Promise<T>): Promise<T> {
  if (!process.stderr.isTTY) return await work
  const show = () =>
    process.stderr.write(`\r\u001b[K${round((performance.now() - begun) / 1000)} s: measuring ${part} …`)
  show()
  const timer = setInterval(show, 1000)
  try {
    return await work
  } finally {
    clearInterval(timer)
    process.stderr.write('\r\u001b[K')
  }
}

async function burst(): Promise<void> {
  const logs = await during('logs', measureBurst('logs', sizes.burst, sizes.rounds))
  figures.logsPerSecond = round(logs.perSecond)
  figures.engineRatio = round(logs.perSecond / logs.enginePerSecond, 3)
  say('logs a second', thousands(logs.perSecond), '400')
  say("  of the engine's own rate", `${figures.engineRatio}`, '0.5')
  say('  the engine by itself, a second', thousands(logs.enginePerSecond))
  say('  CPU seconds a million, receiver and store', `${round(logs.cpuSecondsPerMillion, 2)}`)
  say('  the engine by itself', `${round(logs.engineCpuSecondsPerMillion, 2)}`)
  say('  acknowledged at full load, p50, p99', `${round(logs.ackP50Ms)}, ${round(logs.ackP99Ms)} ms`)
  const spans = await during('spans', measureBurst('spans', sizes.burst, sizes.rounds))
  figures.spansPerSecond = round(spans.perSecond)
  say('spans a second', thousands(spans.perSecond), '250')
  say('  CPU seconds a million', `${round(spans.cpuSecondsPerMillion, 2)}`)
  const points = await during('metric points', measureBurst('points', sizes.burst, sizes.rounds))
  figures.pointsPerSecond = round(points.perSecond)
  say('metric points a second', thousands(points.perSecond), '500')
  say('  CPU seconds a million', `${round(points.cpuSecondsPerMillion, 2)}`)
}

async function sustained(): Promise<void> {
  const found = await during('what is sustained', measureSustained(sizes.sustained, sizes.idle))
  figures.sustainedLogsPerSecond = round(found.perSecond)
  figures.sustainedEngineRatio = round(found.perSecond / found.enginePerSecond, 3)
  figures.cpuSecondsPerMillionLogs = round(found.cpuSecondsPerMillion, 2)
  say('logs a second, until all merges have settled', thousands(found.perSecond), '120')
  say('  of what the engine holds', `${figures.sustainedEngineRatio}`, '0.65')
  say('  CPU seconds a million, receiver and store', `${figures.cpuSecondsPerMillionLogs}`)
  say('  the engine by itself', `${round(found.engineCpuSecondsPerMillion, 2)}`)
  say('  CPU with nothing to do, percent of a core', `${round(found.idlePercent, 1)}`, '2')
}

async function latency(): Promise<void> {
  const half = (figures.sustainedLogsPerSecond ?? WANTED_SUSTAINED) / 2
  const found = await during('latency', measureLatency(half, sizes.latency, sizes.rounds))
  figures.ackP50Ms = round(found.ackP50Ms, 1)
  figures.ackP99Ms = round(found.ackP99Ms, 1)
  say(`acknowledged at ${thousands(found.offeredPerSecond)} a second, p50`, `${figures.ackP50Ms} ms`, '50')
  say('  p99', `${figures.ackP99Ms} ms`, '300')
}

async function overload(): Promise<void> {
  const capacity = figures.logsPerSecond ?? WANTED_BURST
  const found = await during('overload', measureOverload(capacity, sizes.overload))
  figures.receiverRssMb = round(found.receiverRssMb)
  say('resident at four times the load, receiver', `${figures.receiverRssMb} MB`, '300')
  say('  still acknowledged, logs a second', thousands(found.acknowledgedPerSecond))
  say('  requests refused, broken off, not sent', `${found.refused}, ${found.broken}, ${found.notSent}`)
}

async function collector(): Promise<void> {
  const found = await during('the Collector', measureCollector(sizes.collector))
  figures.collectorCpuRatio = round(found.collectorCpuRatio, 2)
  say("logs by CPU second, times the Collector's", `${figures.collectorCpuRatio}`, '5')
  say('  CPU seconds a million, ours', `${round(found.cpuSecondsPerMillion, 2)}`)
  say("  the Collector's", `${round(found.collectorCpuSecondsPerMillion, 2)}`)
}

async function kafka(): Promise<void> {
  const found = await during('Kafka', measureKafka(sizes.kafka))
  figures.kafkaRatio = found.kafkaRatio
  say('through Kafka, of the direct rate', `${found.kafkaRatio}`, '0.6')
}

const MEASURE: Readonly<Record<Part, () => Promise<void>>> = {
  burst,
  sustained,
  latency,
  overload,
  collector,
  kafka,
}

if (values.flame) {
  const path = join(import.meta.dirname, 'ingest-flame.svg')
  const cpuSecondsPerMillionLogs = round(await during('a flame graph', drawFlames(sizes.burst, path)), 2)
  say('CPU seconds a million logs, receiver and store, merged', `${cpuSecondsPerMillionLogs}`)
  if (values.json) process.stdout.write(`${JSON.stringify({ cpuSecondsPerMillionLogs, flame: path })}\n`)
  else say(path, '')
  process.exit()
}
say(`${cpus().length} cores shared with the sender`, 'measured', 'wanted')
for (const part of PARTS) {
  if (!parts.has(part)) continue
  await MEASURE[part]().catch((error: unknown) => {
    throw new Error(`The part "${part}" could not be measured; the others: --only`, { cause: error })
  })
}
if (values.json) process.stdout.write(`${JSON.stringify(figures)}\n`)
