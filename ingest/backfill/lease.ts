import type { Store } from '../../schemas/store/client.ts'

/** Seconds without a sign of life after which a backfill counts as dead. */
const EXPIRES = 15
const BEAT_MS = 5_000

export interface Lease {
  release(): Promise<void>
}

/**
 * Waits until no other backfill is at work and until nothing of a dead one still runs in the store, then holds the place. Clocks are the store's alone.
 * @param owner a name that no other process has
 * @param onWait called once with the owner that is waited for
 */
export async function acquireLease(
  store: Store,
  owner: string,
  sleep: (ms: number) => Promise<void>,
  onWait: (owner: string) => void,
): Promise<Lease> {
  const holder = async () => {
    const [row] = await store.query<{ owner: string }>(
      'SELECT owner FROM backfill_lease FINAL WHERE beat > now64(3) - toIntervalSecond({expires:UInt32})',
      { expires: EXPIRES },
    )
    return row?.owner
  }
  const beat = () => store.insert('backfill_lease', [{ id: 1, owner }])
  let told = false
  for (;;) {
    const other = await holder()
    if (other === undefined || other === '') {
      await beat()
      // Whoever asked at the same moment: the last to write has it.
      await sleep(300)
      if ((await holder()) === owner) break
    } else {
      if (!told) onWait(other)
      told = true
      await sleep(1000)
    }
  }
  while ((await store.query(RUNNING)).length > 0) await sleep(500)
  const timer = setInterval(() => void beat().catch(() => {}), BEAT_MS)
  return {
    async release() {
      clearInterval(timer)
      await store.insert('backfill_lease', [{ id: 1, owner: '' }])
    },
  }
}

/** Stands in every statement that a backfill counts by: the store goes on with it when its client is killed. */
export const MARK = '/* postflight backfill */'
const RUNNING =
  "SELECT 1 FROM system.processes WHERE query LIKE '%/* postflight backfill %' AND query NOT LIKE '%system.processes%'"
