import type { Store } from '../../schemas/store/client.ts'

/** A request that is stored, or about to be. */
export interface StoredRequest {
  readonly offset: number
  readonly hash: string
  /** Milliseconds since 1970. */
  readonly receivedAt: number
}

/** The requests of one partition within the window in which a repeat is recognised. */
export class RequestLedger {
  private readonly window: number
  private readonly receivedAt = new Map<string, number>()
  private newest = 0
  private pruned = 0

  /** @param window milliseconds; 0 recognises nothing */
  constructor(window: number) {
    this.window = window
  }

  /** True if the request repeats one that was received within the window. */
  has(hash: string, receivedAt: number): boolean {
    const before = this.receivedAt.get(hash)
    return before !== undefined && Math.abs(receivedAt - before) <= this.window
  }

  add(hash: string, receivedAt: number): void {
    if (this.window === 0) return
    this.receivedAt.set(hash, receivedAt)
    this.newest = Math.max(this.newest, receivedAt)
    if (this.newest - this.pruned > this.window) this.prune()
  }

  get size(): number {
    return this.receivedAt.size
  }

  /** Decisions depend on the times in the messages alone, not on when they are read: a batch formed again decides the same. */
  private prune(): void {
    this.pruned = this.newest
    // Receivers' clocks may differ: what is a little older than the window is kept.
    const from = this.newest - 2 * this.window
    for (const [hash, at] of this.receivedAt) if (at < from) this.receivedAt.delete(hash)
  }
}

/**
 * A partition's ledger as it was before the message at `offset`.
 * @param window milliseconds
 * @param receivedAt of that message
 * @throws PostflightError
 */
export async function readLedger(
  store: Pick<Store, 'query'>,
  window: number,
  topic: string,
  partition: number,
  offset: number,
  receivedAt: number,
): Promise<RequestLedger> {
  const ledger = new RequestLedger(window)
  if (window === 0) return ledger
  const rows = await store.query<{ hash: string; at: number }>(
    `SELECT hash, toUnixTimestamp64Milli(max(received_at)) AS at FROM kafka_request
     WHERE topic = {topic:String} AND partition = {partition:Int32} AND offset < {offset:Int64}
       AND received_at >= fromUnixTimestamp64Milli({from:Int64})
     GROUP BY hash ORDER BY at`,
    { topic, partition, offset, from: Math.max(0, receivedAt - 2 * window) },
  )
  for (const { hash, at } of rows) ledger.add(hash, at)
  return ledger
}

/** Writes what a batch adds to the ledger; a repeat with the same token changes nothing. @throws PostflightError */
export async function writeLedger(
  store: Pick<Store, 'insert'>,
  topic: string,
  partition: number,
  requests: readonly StoredRequest[],
  token: string,
): Promise<void> {
  const rows = requests.map(({ offset, hash, receivedAt }) => ({
    topic,
    partition,
    offset,
    hash,
    // DateTime64 reads text as seconds with a fraction.
    received_at: (receivedAt / 1000).toFixed(3),
  }))
  await store.insert('kafka_request', rows, { async_insert: 0, insert_deduplication_token: token })
}
