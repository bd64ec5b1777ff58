import type { Alert } from '../../schemas/contracts/alert.ts'

/** One place that alerts go to. */
export interface Receiver {
  /** `webhook:<name>` or `alertmanager:<address>`. */
  readonly name: string
  /** Milliseconds after which a firing alert is sent again although it was taken; null: once is enough. */
  readonly repeatEvery: number | null
  /**
   * Sends the alert as it is: firing or resolved.
   * @param now milliseconds
   * @throws Error with what the receiver said, if it did not take it
   */
  send(alert: Alert, now: number): Promise<void>
}

/** Milliseconds that a receiver may take to answer. */
export const SEND_TIMEOUT = 10_000

/** Posts JSON. @throws Error unless the answer is 2xx */
export async function postJson(
  url: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', 'user-agent': 'postflight', ...headers },
    signal: AbortSignal.timeout(SEND_TIMEOUT),
    redirect: 'error',
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${response.status} ${text.slice(0, 200)}`.trim())
}
