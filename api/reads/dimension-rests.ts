import { dimensionRests } from '../../analytics/queries/dimension-rests.ts'
import type { DimensionRest } from '../../schemas/contracts/dimension-rest.ts'
import type { Store } from '../../schemas/store/client.ts'

/** Milliseconds: looks come once a minute. */
const LATELY = 600_000

/** What of a service is put together because its values are too many, at the last look of the last ten minutes. */
export async function readDimensionRests(
  store: Store,
  service: string,
  now: number,
): Promise<DimensionRest[]> {
  return await dimensionRests(store, { service, since: now - LATELY })
}
