import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SpanStatusCode, trace } from '@opentelemetry/api'
import { type Logger, pino } from 'pino'

export interface Asked {
  /** Values of the path's `:name` parts. */
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  readonly headers: IncomingMessage['headers']
  /** Of the JSON body; empty where there is none. */
  readonly body: Readonly<Record<string, unknown>>
}

export interface Answer {
  readonly status: number
  readonly body: unknown
}

/** `GET /products/:id` to what answers it. */
export type Routes = Readonly<Record<string, (asked: Asked) => Promise<Answer>>>

/** A service of the shop: plain HTTP and JSON on a free port of loopback, which its parent process is told. */
export async function serve(service: string, routes: Routes, log: Logger = pino()): Promise<void> {
  const table = Object.entries(routes).map(([name, handle]) => {
    const [method = '', path = ''] = name.split(' ')
    return { method, path, handle, pattern: new RegExp(`^${path.replaceAll(/:(\w+)/g, '(?<$1>[^/]+)')}$`) }
  })
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://shop')
    const route = table.find((one) => one.method === request.method && one.pattern.test(url.pathname))
    const span = trace.getActiveSpan()
    let answer: Answer = { status: 404, body: { error: 'not found' } }
    if (route !== undefined) {
      span?.setAttribute('http.route', route.path)
      span?.updateName(`${route.method} ${route.path}`)
      try {
        answer = await route.handle({
          params: route.pattern.exec(url.pathname)?.groups ?? {},
          query: url.searchParams,
          headers: request.headers,
          body: await readJson(request),
        })
      } catch (error) {
        const cause = error instanceof Error ? error : new Error(String(error))
        span?.recordException(cause)
        span?.setStatus({ code: SpanStatusCode.ERROR, message: cause.message })
        log.error(`${route.method} ${route.path} failed: ${cause.name}: ${cause.message}`)
        answer = { status: 500, body: { error: 'internal error' } }
      }
    }
    const text = JSON.stringify(answer.body)
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(text)
  })
  await new Promise<void>((resolve) => server.listen(Number(process.env['PORT'] ?? 0), '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  log.info(`${service} listens on ${port}`)
  process.send?.({ port })
  // A child without its parent has nobody left to serve.
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'))
}

async function readJson(request: IncomingMessage): Promise<Record<string, unknown>> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  return parts.length === 0 ? {} : (JSON.parse(Buffer.concat(parts).toString()) as Record<string, unknown>)
}

/** Asks another service. @throws TypeError when it can't be reached */
export async function ask(method: string, url: string, body?: unknown): Promise<Answer> {
  const response = await fetch(url, {
    method,
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  })
  return { status: response.status, body: await response.json() }
}
