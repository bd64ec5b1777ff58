import { dimensionRests } from '../../analytics/queries/dimension-rests.ts'
import { historyRests } from '../../analytics/queries/history-rests.ts'
import { INSTANCES } from '../../schemas/signals/bounded-instance.ts'
import type { Store } from '../../schemas/store/client.ts'
import type { Finding } from './finding.ts'

const HOUR = 3_600_000

type Lately = Awaited<ReturnType<typeof dimensionRests>>[number]
type History = Awaited<ReturnType<typeof historyRests>>[number]

/** Dimensions with more values, and versions with more instances, than are told apart, metrics with more streams than are kept. @param now milliseconds since the epoch */
export async function dimensionFindings(store: Store, now: number): Promise<Finding[]> {
  const [rests, history] = await Promise.all([
    dimensionRests(store, { since: now - HOUR }),
    historyRests(store),
  ])
  const lately = rests.map(findingOf)
  const before = history.map(historyFinding)
  if (lately.length > 0) return [...lately, ...before]
  return [{ check: 'dimensions', level: 'ok', found: 'all values are told apart', advice: '' }, ...before]
}

function findingOf(rest: Lately): Finding {
  const { service, measure, kept, full, minutes, values, records, of } = rest
  const level = 'warning'
  if (rest.streams)
    return {
      check: `streams of ${measure} of ${service}`,
      level,
      found: `${kept} streams are kept, a random sample; ${values} others, ${records} of ${of} points in ${minutes} minutes, are left out`,
      advice:
        'Ids in the attributes of a metric? Leave them out by a view of the SDK, or set cardinality.streams.',
    }
  const some = (what: string) =>
    `${kept} ${what} are kept${full ? ' (full: frequent newcomers find no room)' : ''}; ${values} others, ${records} of ${of} records in ${minutes} minutes, are counted as (other)`
  if (measure === INSTANCES)
    return {
      check: `instances of ${fleetOf(rest)}`,
      level,
      found: some('instances'),
      advice:
        'An id that each request or start makes anew? Set service.instance.id to what stays, or cardinality.instances.',
    }
  return {
    check: `dimension of ${measure} of ${service}`,
    level,
    found: some('values'),
    advice:
      'Ids in a route, a span name or a message? Name them by what is the same (http.route), or set cardinality.values.',
  }
}

function historyFinding(rest: History): Finding {
  const { service, measure, streams, from, to, days, values, records, of } = rest
  const isFleet = measure === INSTANCES
  const what = streams
    ? 'streams a day are left out'
    : `${isFleet ? 'instances' : 'values'} a day are counted as (other)`
  return {
    check: isFleet ? `history of instances of ${fleetOf(rest)}` : `history of ${measure} of ${service}`,
    level: 'ok',
    found: `up to ${values} ${what} on ${days} days from ${from} to ${to}, ${records} of ${of} records`,
    advice: '',
  }
}

function fleetOf({
  service,
  environment,
  version,
}: Pick<Lately, 'service' | 'environment' | 'version'>): string {
  return `${service} ${version} in ${environment}`
}
