import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Load, Sent } from './ingest-send.ts'
import { BodyTimes } from './ingest-times.ts'

/**
 * The sending side of the ingest benchmark, in a process of its own: posts bodies that were encoded before. Its one argument is
 * a `Load` as JSON, its output a `Sent`.
 *
 * Without `perSecond` each connection sends again as soon as it is answered. With it, requests start at their times whether earlier ones
 * were answered or not, and latency counts from that time, so that a receiver that stalls is not asked less.
 */
const load = JSON.parse(process.argv[2] as string) as Load
const bodies = load.files.map((file) => readFileSync(file))
const times = bodies.map((body) => new BodyTimes(body, load.madeAt))
const agent = new Agent({ keepAlive: true, maxSockets: load.connections })

function post(body: Buffer, number: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const length = body.length + DISTINCT_BYTES
    const headers = { 'content-type': 'application/x-protobuf', 'content-length': length }
    const call = request(load.url, { agent, method: 'POST', headers }, (response) => {
      response.resume()
      response.on('end', () => resolve(response.statusCode ?? 0))
    })
    call.on('error', reject)
    call.write(body)
    call.end(distinct(number))
  })
}

const DISTINCT_BYTES = 9

/** Makes the same records bytes that were not sent before, by a field that OTLP does not have: a repeat would not be stored. */
function distinct(number: number): Buffer {
  const field = Buffer.alloc(DISTINCT_BYTES)
  field.writeUInt8((15 << 3) | 1)
  field.writeUInt32LE(number, 1)
  field.writeUInt32LE(process.pid, 5)
  return field
}

let next = 0
let acknowledged = 0
let refused = 0
let broken = 0
let behind = 0
const milliseconds: number[] = []
const begun = performance.now()
const end = begun + load.seconds * 1000

async function sendOne(due: number): Promise<boolean> {
  const number = next++
  times[number % times.length]?.moveTo(Date.now())
  // A connection that is cut while the body is under way was not acknowledged.
  const status = await post(bodies[number % bodies.length] as Buffer, number).catch(() => 0)
  if (status === 200) {
    acknowledged += load.recordsEach
    milliseconds.push(performance.now() - due)
    return true
  }
  if (status === 503) refused++
  else broken++
  return false
}

async function closedLoop(): Promise<void> {
  while (performance.now() < end) if (!(await sendOne(performance.now()))) await sleep(100)
}

async function openLoop(perSecond: number): Promise<void> {
  const every = (1000 * load.recordsEach) / perSecond
  const open = new Set<Promise<unknown>>()
  for (let due = begun; due < end; due += every) {
    const wait = due - performance.now()
    if (wait > 1) await sleep(wait)
    // What cannot be offered because this process itself is held up is told.
    if (open.size >= load.connections) {
      behind++
      continue
    }
    const sending = sendOne(due)
    open.add(sending)
    void sending.finally(() => open.delete(sending))
    if (wait <= 1) await new Promise((resolve) => setImmediate(resolve))
  }
  await Promise.all(open)
}

if (load.perSecond === undefined) await Promise.all(Array.from({ length: load.connections }, closedLoop))
else await openLoop(load.perSecond)
const elapsed = (performance.now() - begun) / 1000
agent.destroy()
milliseconds.sort((a, b) => a - b)
const cpu = process.cpuUsage()
const sent: Sent = {
  acknowledged,
  refused,
  broken,
  behind,
  elapsed,
  ackP50Ms: milliseconds[Math.floor(milliseconds.length / 2)] ?? 0,
  ackP99Ms: milliseconds[Math.floor(milliseconds.length * 0.99)] ?? 0,
  cpuSeconds: (cpu.user + cpu.system) / 1e6,
}
process.stdout.write(`${JSON.stringify(sent)}\n`)
