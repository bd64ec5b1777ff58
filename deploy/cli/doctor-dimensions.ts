import { dimensionRests } from '../../analytics/queries/dimension-rests.ts'
import { historyRests } from '../../analytics/queries/history-rests.ts'
import type { Store } from '../../schemas/store/client.ts'
import type { Finding } from './finding.ts'

const HOUR = 3_600_000

/** Dimensions with more values than are told apart, metrics with more streams than are kept. @param now milliseconds since the epoch */
export async function dimensionFindings(store: Store, now: number): Promise<Finding[]> {
  const [rests, history] = await Promise.all([
    dimensionRests(store, { since: now - HOUR }),
    historyRests(store),
  ])
  const lately = rests.map(
    ({ service, measure, streams, kept, full, minutes, values, records, of }): Finding => ({
      check: `${streams ? 'streams' : 'dimension'} of ${measure} of ${service}`,
      level: 'warning',
      found: streams
        ? `${kept} streams are kept, a random sample; ${values} others, ${records} of ${of} points in ${minutes} minutes, are left out`
        : `${kept} values are kept${full ? ' (full: frequent newcomers find no room)' : ''}; ${values} others, ${records} of ${of} records in ${minutes} minutes, are counted as (other)`,
      advice: streams
        ? 'Ids in the attributes of a metric? Leave them out by a view of the SDK, or set cardinality.streams.'
        : 'Ids in a route, a span name or a message? Name them by what is the same (http.route), or set cardinality.values.',
    }),
  )
  const before = history.map(
    ({ service, measure, streams, from, to, days, values, records, of }): Finding => ({
      check: `history of ${measure} of ${service}`,
      level: 'ok',
      found: `up to ${values} ${streams ? 'streams a day are left out' : 'values a day are counted as (other)'} on ${days} days from ${from} to ${to}, ${records} of ${of} records`,
      advice: '',
    }),
  )
  if (lately.length > 0) return [...lately, ...before]
  return [{ check: 'dimensions', level: 'ok', found: 'all values are told apart', advice: '' }, ...before]
}
