const queues = new WeakMap<object, Promise<unknown>>()

/**
 * Runs work on the deployments of a store one after another, so that two who tell of one deployment at once, or one of them and discovery, do not make two
 * of it. It holds within one process.
 */
export function inTurn<T>(store: object, work: () => Promise<T>): Promise<T> {
  const before = queues.get(store) ?? Promise.resolve()
  const next = before.then(work, work)
  queues.set(
    store,
    next.catch(() => {}),
  )
  return next
}
