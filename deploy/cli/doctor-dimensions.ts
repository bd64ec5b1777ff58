import { dimensionRests } from '../../analytics/queries/dimension-rests.ts'
import type { Store } from '../../schemas/store/client.ts'
import type { Finding } from './finding.ts'

const HOUR = 3_600_000

/** Dimensions with more values than are told apart. @param now milliseconds since the epoch */
export async function dimensionFindings(store: Store, now: number): Promise<Finding[]> {
  const rests = await dimensionRests(store, { since: now - HOUR })
  if (rests.length === 0)
    return [{ check: 'dimensions', level: 'ok', found: 'all values are told apart', advice: '' }]
  return rests.map(({ service, measure, kept, full, minutes, values, records, of }) => ({
    check: `dimension of ${measure} of ${service}`,
    level: 'warning',
    found: `${kept} values are kept${full ? ' (full: frequent newcomers find no room)' : ''}; ${values} others, ${records} of ${of} records in ${minutes} minutes, are counted as (other)`,
    advice:
      'Ids in a route, a span name or a message? Name them by what is the same (http.route), or set cardinality.values.',
  }))
}
