import { connect, createServer, type Server, type Socket } from 'node:net'
import { Transform } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'

/** What a network does to a connection. */
export interface Weather {
  /** Share of chunks, in either direction, in the middle of which the connection is cut. */
  readonly cut: number
  /** Milliseconds by which each chunk is late, at most. */
  readonly delay: number
}

export const CALM: Weather = { cut: 0, delay: 0 }

/** A TCP proxy on a free loopback port that passes bytes on as well as the weather allows. */
export class UnreliableProxy {
  weather: Weather = CALM
  /** Connections that were cut. */
  cuts = 0
  private readonly target: number
  private readonly random: () => number
  private readonly server: Server
  private readonly sockets = new Set<Socket>()

  constructor(target: number, random: () => number) {
    this.target = target
    this.random = random
    this.server = createServer((socket) => this.pass(socket))
  }

  async listen(): Promise<number> {
    await new Promise<void>((done) => this.server.listen(0, '127.0.0.1', done))
    return (this.server.address() as { port: number }).port
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    await new Promise((done) => this.server.close(done))
  }

  private pass(near: Socket): void {
    const { random } = this
    const far = connect(this.target, '127.0.0.1')
    const end = () => {
      near.destroy()
      far.destroy()
      this.sockets.delete(near)
      this.sockets.delete(far)
    }
    const wire = () =>
      new Transform({
        transform: (chunk: Buffer, _encoding, done) => {
          const { cut, delay } = this.weather
          void sleep(delay === 0 ? 0 : random() * delay).then(() => {
            if (random() >= cut) return done(null, chunk)
            this.cuts++
            // What was before the cut may arrive.
            done(null, chunk.subarray(0, Math.floor(random() * chunk.length)))
            setImmediate(end)
          })
        },
      })
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.sockets.add(from)
      from.on('error', end).on('close', end)
      from.pipe(wire()).on('error', end).pipe(to)
    }
  }
}
