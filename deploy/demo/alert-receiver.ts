import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { z } from 'zod'

const received = z.looseObject({
  status: z.enum(['firing', 'resolved']),
  service: z.string(),
  version: z.string(),
  summary: z.string(),
  link: z.string(),
})

export type ReceivedAlert = z.infer<typeof received>

export interface AlertReceiver {
  /** For `alerts.webhooks`. */
  readonly url: string
  /** Called for each alert from now on; those that came before are handed over at once. */
  listen(onAlert: (alert: ReceivedAlert) => void): void
  close(): Promise<void>
}

/** A webhook as a team would have one, on a free port of loopback. */
export async function startAlertReceiver(): Promise<AlertReceiver> {
  const waiting: ReceivedAlert[] = []
  let tell: ((alert: ReceivedAlert) => void) | undefined
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const alert = received.safeParse(jsonOf(Buffer.concat(parts)))
      response.writeHead(alert.success ? 204 : 400).end()
      if (!alert.success) return
      if (tell === undefined) waiting.push(alert.data)
      else tell(alert.data)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/alerts`,
    listen(onAlert) {
      tell = onAlert
      for (const alert of waiting.splice(0)) onAlert(alert)
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function jsonOf(bytes: Buffer): unknown {
  try {
    const body = JSON.parse(bytes.toString()) as unknown
    // The alert itself, or an envelope around it.
    const inner = (body as { alert?: unknown } | null)?.alert
    return inner ?? body
  } catch {
    return undefined
  }
}
