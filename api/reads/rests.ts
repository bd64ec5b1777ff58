import { dimensionRests } from '../../analytics/queries/dimension-rests.ts'
import { historyRests } from '../../analytics/queries/history-rests.ts'
import type { DimensionRest } from '../../schemas/contracts/dimension-rest.ts'
import type { HistoryRest } from '../../schemas/contracts/history-rest.ts'
import type { Store } from '../../schemas/store/client.ts'

/** Milliseconds: looks come once a minute. */
const LATELY = 600_000

/** What of a service is put together or left out because there is too much of it: at the last look of the last ten minutes, and of the past. */
export async function readRests(
  store: Store,
  service: string,
  now: number,
): Promise<{ rests: DimensionRest[]; historyRests: HistoryRest[] }> {
  const [rests, history] = await Promise.all([
    dimensionRests(store, { service, since: now - LATELY }),
    historyRests(store, service),
  ])
  return { rests, historyRests: history }
}
