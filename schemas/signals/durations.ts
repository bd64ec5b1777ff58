import type { Measure } from './measure.ts'
import { conventional, OLDER_METRICS, rpcMethod, rpcService } from './semantic-conventions.ts'
import { attribute, firstOf } from './sql.ts'
import { type TrafficRule, trafficSql } from './traffic.ts'

const METHOD = conventional('Attributes', 'http.request.method')
const ROUTE = attribute('Attributes', 'http.route')
const STATUS = conventional('Attributes', 'http.response.status_code')
const PEER = firstOf(
  conventional('Attributes', 'server.address'),
  conventional('Attributes', 'service.peer.name'),
  rpcService('Attributes'),
)
/** Of gRPC what its conventions take for a server's fault, by number and by name; of all others what has an error. */
const RPC_FAULTS = [
  ['2', 'UNKNOWN'],
  ['4', 'DEADLINE_EXCEEDED'],
  ['12', 'UNIMPLEMENTED'],
  ['13', 'INTERNAL'],
  ['14', 'UNAVAILABLE'],
  ['15', 'DATA_LOSS'],
].flat()
const RPC_STATUS = conventional('Attributes', 'rpc.response.status_code')
const isFault = `(toUInt16OrZero(${STATUS}) >= 500 OR ${RPC_STATUS} IN (${RPC_FAULTS.map((code) => `'${code}'`).join(', ')}) OR (${STATUS} = '' AND ${RPC_STATUS} = '' AND Attributes['error.type'] != ''))`

/** Durations were in milliseconds until the conventions were stable. */
const SECONDS = "if(MetricUnit = 'ms', 1e-3, 1.)"

/**
 * Requests, calls and queries as the histograms of their durations count them: for services that send no spans of them. What is sent under the older name
 * besides (`http/dup`) is a measure of its own, of which one is read.
 */
export function durationMeasures(rules: readonly TrafficRule[]): readonly Measure[] {
  return [
    ...durations('server.request', ['http.server.request.duration', 'rpc.server.call.duration'], {
      selector: `${trafficSql(rules, 'Attributes')} = 'users'`,
      dimension: `if(${METHOD} = '', ${rpcMethod('Attributes')}, concat(${METHOD}, ' ', if(${ROUTE} = '', '(no route)', ${ROUTE})))`,
      bad: isFault,
    }),
    ...durations('client.request', ['http.client.request.duration', 'rpc.client.call.duration'], {
      selector: 'true',
      dimension: PEER,
      bad: isFault,
    }),
    ...durations('db.query', ['db.client.operation.duration'], {
      selector: 'true',
      dimension: firstOf(
        "Attributes['db.query.summary']",
        `trim(concat(${conventional('Attributes', 'db.operation.name')}, ' ', Attributes['db.collection.name']))`,
      ),
      bad: "Attributes['error.type'] != ''",
    }),
  ]
}

function durations(
  insteadOf: string,
  metrics: readonly string[],
  what: { readonly selector: string; readonly dimension: string; readonly bad: string },
): Measure[] {
  const older = metrics.flatMap((name) => OLDER_METRICS[name] ?? [])
  const common = { ...what, insteadOf, cells: 'histogram_1m' } as const
  const explicit = (id: string, names: readonly string[]): Measure => ({
    ...common,
    id,
    metrics: names,
    source: 'otel_metrics_histogram',
    buckets: 'explicit',
    factor: SECONDS,
  })
  return [
    explicit(`${insteadOf}.metric`, metrics),
    {
      ...common,
      id: `${insteadOf}.metric.exponential`,
      metrics,
      source: 'otel_metrics_exponential_histogram',
      buckets: 'exponential',
      // Base-2 buckets have no exact thousandth; the present names are in seconds.
      selector: `MetricUnit != 'ms' AND ${what.selector}`,
    },
    ...(older.length === 0 ? [] : [explicit(`${insteadOf}.metric.older`, older)]),
  ]
}
