import type { Store } from '../../schemas/store/client.ts'
import type { Finding } from './finding.ts'

/** Dimensions with more values than are told apart. @param now milliseconds since the epoch */
export async function dimensionFindings(store: Store, now: number): Promise<Finding[]> {
  const rows = await store.query<{
    service: string
    measure: string
    kept: number
    full: boolean
    minutes: number
    values: number
    records: number
    of: number
  }>(
    `SELECT service, measure, kept, full, minutes, values, records, of FROM dimension_rest
    WHERE at > toDateTime({from:UInt32}) ORDER BY service, measure, at DESC LIMIT 1 BY service, measure`,
    { from: Math.max(0, Math.floor(now / 1000) - 3600) },
  )
  if (rows.length === 0)
    return [{ check: 'dimensions', level: 'ok', found: 'all values are told apart', advice: '' }]
  return rows.map(({ service, measure, kept, full, minutes, values, records, of }) => ({
    check: `dimension of ${measure} of ${service}`,
    level: 'warning',
    found: `${kept} values are kept${full ? ' (full: frequent newcomers find no room)' : ''}; ${values} others, ${records} of ${of} records in ${minutes} minutes, are counted as (other)`,
    advice:
      'Ids in a route, a span name or a message? Name them by what is the same (http.route), or set cardinality.values.',
  }))
}
