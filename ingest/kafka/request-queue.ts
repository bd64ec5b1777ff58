import { createRequire } from 'node:module'

interface RequestQueue {
  readonly pending: readonly unknown[]
  scheduleCheckPendingRequests(): void
}

const requestQueue = createRequire(import.meta.url)('kafkajs/src/network/requestQueue') as {
  readonly prototype: RequestQueue
}

let mended = false

/**
 * kafkajs (2.2.4) looks every millisecond, for ever and on each connection, for requests that wait, also when none does; and asks
 * for that by a negative delay, of which Node warns (tulios/kafkajs#1751). Where nothing waits no look is needed: whatever is
 * enqueued later asks for one.
 */
export function mendRequestQueue(): void {
  if (mended) return
  mended = true
  const { prototype } = requestQueue
  const schedule = prototype.scheduleCheckPendingRequests
  prototype.scheduleCheckPendingRequests = function () {
    if (this.pending.length > 0) schedule.call(this)
  }
}
