import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A real HTTP server that keeps what it was sent and answers as it is told. */
export interface Hook {
  readonly url: string
  readonly bodies: string[]
  readonly headers: IncomingHttpHeaders[]
  readonly paths: string[]
  /** Status of the next answers. */
  status: number
  close(): Promise<void>
}

export async function openHook(): Promise<Hook> {
  const bodies: string[] = []
  const headers: IncomingHttpHeaders[] = []
  const paths: string[] = []
  const state = { status: 200 }
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      bodies.push(Buffer.concat(chunks).toString())
      headers.push(request.headers)
      paths.push(request.url ?? '')
      response.writeHead(state.status).end(state.status === 200 ? '' : 'not now')
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    bodies,
    headers,
    paths,
    get status() {
      return state.status
    },
    set status(value) {
      state.status = value
    },
    close: () =>
      new Promise((done) => {
        server.closeAllConnections()
        server.close(() => done())
      }),
  }
}
