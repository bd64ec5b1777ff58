import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import type { Receiver } from '../../analytics/alerts/receiver.ts'
import { SendError } from '../../analytics/alerts/receiver.ts'
import { noticeThat } from './report-alert-fixture.ts'

/** What a server that stands for a receiver does with the next messages. `echo` refuses and repeats all that it was sent, secrets too. */
export type Behaviour = 'take' | 'refuse' | 'fail' | 'unavailable' | 'drop' | 'echo'

/** A running server that checks what it is sent as the real one does, and the receiver that sends to it. */
export interface Target {
  readonly receiver: Receiver
  /** What it took, in order. */
  readonly taken: readonly unknown[]
  /** In everything that it is sent; in nothing that is told of it. */
  readonly secret: string
  behave(behaviour: Behaviour): void
  close(): Promise<void>
}

const NOW = Date.parse('2026-03-01T12:00:00Z')
/** What people and programs put into names and messages. */
const HOSTILE = `"}]} <!channel> <b>&amp; \\n \u0000\u2028 {secret} {{x}} ${'é😀'.repeat(3000)}`

/** What every receiver does, whatever it is: `open` starts its server. */
export function receiverSuite(
  name: string,
  open: () => Promise<Target>,
  /** Milliseconds that "unavailable" asks to wait; null where the protocol has no word for it; `itself`: its client waits by itself, for longer than a test should. */
  retryAfter: number | null | 'itself' = 7000,
): void {
  describe(`the ${name} receiver`, () => {
    let target: Target | undefined
    const opened = async (behaviour: Behaviour = 'take'): Promise<Target> => {
      target = await open()
      target.behave(behaviour)
      return target
    }
    const failure = async (behaviour: Behaviour): Promise<SendError> => {
      const { receiver } = await opened(behaviour)
      const error = await receiver.send(noticeThat('firing', NOW), NOW).then(
        (answer) => new Error(`It was taken: ${answer}`),
        (thrown: unknown) => thrown,
      )
      expect(error).toBeInstanceOf(SendError)
      return error as SendError
    }
    afterEach(() => target?.close())

    it('is told of all that it says it can be told of, in a form that the server accepts', async () => {
      const { receiver, taken } = await opened()
      const events = (['firing', 'acknowledged', 'resolved'] as const).filter((event) =>
        receiver.events.has(event),
      )
      expect(events).toContain('firing')
      for (const event of events) {
        expect(await receiver.send(noticeThat(event, NOW), NOW)).not.toBe('')
      }
      expect(taken).toHaveLength(events.length)
    })

    it('is told of texts of any length with any characters', async () => {
      const { receiver, taken } = await opened()
      const reason = { signal: 'x', dimension: HOSTILE, summary: HOSTILE }
      const notice = noticeThat('firing', NOW, {
        summary: HOSTILE,
        service: HOSTILE.slice(0, 100),
        owner: HOSTILE.slice(0, 100),
        reasons: Array.from({ length: 5 }, () => reason),
        links: [{ title: HOSTILE.slice(0, 200), url: 'http://x.test/?a=1&b=<2>|"' }],
      })
      await receiver.send(notice, NOW)
      expect(taken).toHaveLength(1)
    })

    it('says when the message itself is refused', async () => {
      expect((await failure('refuse')).kind).toBe('refused')
    })

    it('says when the server fails', async () => {
      expect((await failure('fail')).kind).not.toBe('refused')
    })

    // The events of our own log are retried by its exporter itself.
    if (retryAfter !== 'itself') {
      it('says when the server wants it later, and how much later', async () => {
        expect(await failure('unavailable')).toMatchObject({ kind: 'unavailable', retryAfter })
      })

      it('says when the connection is cut, and when nobody listens', async () => {
        expect((await failure('drop')).kind).toBe('unavailable')
        await target?.close()
        const error = await target?.receiver.send(noticeThat('firing', NOW), NOW).catch((thrown) => thrown)
        expect(error).toMatchObject({ kind: 'unavailable', retryAfter: null })
      })
    }

    it('shows no secret, neither in a preview nor in what the server says about it', async () => {
      const error = await failure('echo')
      expect(error.message).not.toBe('')
      const told = JSON.stringify([error, error.message, error.stack, String(error.cause)])
      expect(told).not.toContain(target?.secret)
      const preview = target?.receiver.render(noticeThat('firing', NOW), NOW)
      expect(preview?.body).not.toBe('')
      expect(preview?.body).not.toContain(target?.secret)
    })
  })
}

export interface HttpCall {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface HttpTargetOptions {
  readonly secret: string
  readonly make: (url: string) => Receiver
  /** Looks at a request as the real server does. @throws Error with what is wrong: it is answered with 400 */
  readonly check: (call: HttpCall) => void
  /** What the real server answers. */
  readonly answer: { readonly status: number; readonly body: string }
}

export async function openHttpTarget(options: HttpTargetOptions): Promise<Target> {
  const taken: HttpCall[] = []
  let behaviour: Behaviour = 'take'
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const call = {
        method: request.method ?? '',
        path: request.url ?? '',
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
      }
      switch (behaviour) {
        case 'take':
          try {
            options.check(call)
          } catch (error) {
            response.writeHead(400).end(`refused: ${String(error)}`)
            return
          }
          taken.push(call)
          response.writeHead(options.answer.status).end(options.answer.body)
          return
        case 'refuse':
          response.writeHead(400).end('invalid_payload')
          return
        case 'echo':
          response
            .writeHead(400)
            .end(`${options.secret} ${call.path} ${JSON.stringify(call.headers)} ${call.body}`)
          return
        case 'fail':
          response.writeHead(500).end('rollup_error')
          return
        case 'unavailable':
          response.writeHead(429, { 'retry-after': '7' }).end('slow down')
          return
        case 'drop':
          request.socket.destroy()
      }
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  return {
    receiver: options.make(`http://127.0.0.1:${port}`),
    taken,
    secret: options.secret,
    behave: (next) => {
      behaviour = next
    },
    close: () =>
      new Promise((done) => {
        server.closeAllConnections()
        server.close(() => done())
      }),
  }
}
