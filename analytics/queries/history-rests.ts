import type { HistoryRest } from '../../schemas/contracts/history-rest.ts'
import type { Store } from '../../schemas/store/client.ts'

/**
 * What the backfill put together or left out, by service and measure, of the days that are still kept.
 * @param service left out: of all services
 */
export async function historyRests(
  store: Store,
  service?: string,
): Promise<(HistoryRest & { readonly service: string })[]> {
  return await store.query(
    `SELECT toString(rest.service) AS service, toString(rest.measure) AS measure, toString(rest.environment) AS environment, toString(rest.version) AS version, streams, toString(toDate(min(at), 'UTC')) AS from, toString(toDate(max(at), 'UTC')) AS to,
      count() AS days, max(rest.kept) AS kept, max(rest.values) AS values, sum(rest.records) AS records, sum(rest.of) AS of
    FROM dimension_rest AS rest FINAL WHERE history AND ({service:String} = '' OR rest.service = {service:String})
    GROUP BY service, measure, environment, version, streams ORDER BY service, measure, environment, version, streams`,
    { service: service ?? '' },
  )
}
