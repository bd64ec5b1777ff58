import { OTHER } from '../../schemas/signals/other.ts'
import type { Store } from '../../schemas/store/client.ts'

/**
 * Versions of which instances were put together within a span, and how many keep their names.
 * @param span seconds since the epoch
 */
export async function keptInstances(
  store: Store,
  { service, environment }: { readonly service: string; readonly environment: string },
  span: { readonly from: number; readonly to: number },
): Promise<ReadonlyMap<string, number>> {
  // What is decided later than the span has a later beginning, so that it is read alike whenever it is read again.
  const rows = await store.query<{ version: string; kept: number }>(
    `SELECT version, uniqExactIf(instance, instance != {other:String}) AS kept FROM kept_instance
    WHERE service = {service:String} AND environment = {environment:String}
      AND day >= toDate(toDateTime({from:UInt32}), 'UTC') AND day <= toDate(toDateTime({to:UInt32}), 'UTC') AND since < toDateTime({to:UInt32})
    GROUP BY version HAVING countIf(instance = {other:String}) > 0 ORDER BY version`,
    { service, environment, other: OTHER, from: Math.max(0, Math.floor(span.from)), to: Math.ceil(span.to) },
  )
  return new Map(rows.map(({ version, kept }) => [version, kept]))
}
