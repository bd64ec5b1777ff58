/** Who waits for a turn: there is one event loop, so there is one queue. */
const waiting: (() => void)[] = []

/**
 * Settles in a turn of the event loop of one's own. Decoding a large request takes some ten milliseconds, and requests come together: read in one turn, sixteen of
 * them would keep the store's answers, timers and health checks waiting for all.
 */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    if (waiting.push(resolve) === 1) setImmediate(take)
  })
}

function take(): void {
  waiting.shift()?.()
  if (waiting.length > 0) setImmediate(take)
}
