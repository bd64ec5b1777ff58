import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'

/**
 * The sending side of the ingest benchmark, in a process of its own: posts bodies that were encoded before, over some
 * connections, each waiting for the answer before it sends the next.
 * Arguments: address, folder with the bodies, records in each, connections, seconds.
 */
const [url, folder, recordsEach, connections, seconds] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
]
const names = JSON.parse(readFileSync(`${folder}/bodies.json`, 'utf8')) as string[]
const bodies = names.map((name) => readFileSync(`${folder}/${name}`))
const agent = new Agent({ keepAlive: true, maxSockets: Number(connections) })

function post(body: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    const call = request(
      `${url}/v1/logs`,
      {
        agent,
        method: 'POST',
        headers: { 'content-type': 'application/x-protobuf', 'content-length': body.length },
      },
      (response) => {
        response.resume()
        response.on('end', () => resolve(response.statusCode ?? 0))
      },
    )
    call.on('error', reject)
    call.end(body)
  })
}

/** The same records under bytes that were not sent before, by a field that OTLP does not have: a repeat would not be stored. */
function distinct(body: Buffer): Buffer {
  const field = Buffer.alloc(9)
  field.writeUInt8((15 << 3) | 1)
  field.writeUInt32LE(next, 1)
  field.writeUInt32LE(process.pid, 5)
  return Buffer.concat([body, field])
}

let next = 0
let acknowledged = 0
let refused = 0
const milliseconds: number[] = []
const begun = performance.now()
const end = begun + Number(seconds) * 1000

async function connection(): Promise<void> {
  while (performance.now() < end) {
    const body = distinct(bodies[next++ % bodies.length] as Buffer)
    const sent = performance.now()
    const status = await post(body)
    if (status === 200) {
      acknowledged += Number(recordsEach)
      milliseconds.push(performance.now() - sent)
    } else {
      refused++
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}

await Promise.all(Array.from({ length: Number(connections) }, connection))
const elapsed = (performance.now() - begun) / 1000
agent.destroy()
milliseconds.sort((a, b) => a - b)
const cpu = process.cpuUsage()
process.stdout.write(
  `${JSON.stringify({
    acknowledged,
    refused,
    elapsed,
    ackP50Ms: milliseconds[Math.floor(milliseconds.length / 2)] ?? 0,
    ackP99Ms: milliseconds[Math.floor(milliseconds.length * 0.99)] ?? 0,
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
  })}\n`,
)
