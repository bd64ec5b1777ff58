import { SERIES_SQL } from '../../schemas/signals/views.ts'
import type { Store } from '../../schemas/store/client.ts'

export interface Relations {
  readonly callers: readonly string[]
  readonly callees: readonly string[]
}

/** Traces of a service that are looked at, the same ones each time: what is called once in a hundred requests is nearly surely among them. */
const TRACES = 400
const MOST = 8

/**
 * Who calls a service and whom it calls, by parentage of spans: a server span whose parent belongs to another service. A few hundred of its traces are read through
 * the index on trace ids, so that it costs the same however much traffic there is. Where callees send no spans, `peers` says what is called.
 * @param window seconds
 */
export async function loadRelations(
  store: Store,
  of: { readonly service: string; readonly environment: string },
  window: { readonly from: number; readonly to: number },
): Promise<Relations> {
  const rows = await store.query<{ caller: string; callee: string; calls: number }>(
    `WITH spans AS (
      SELECT TraceId, SpanId, ParentSpanId, ServiceName, SpanKind
      FROM otel_traces
      WHERE TraceId IN (
        SELECT DISTINCT TraceId FROM otel_traces
        WHERE ServiceName = {service:String} AND ${SERIES_SQL.environment} = {environment:String}
          AND Timestamp >= fromUnixTimestamp64Milli({from:Int64}) AND Timestamp < fromUnixTimestamp64Milli({to:Int64})
        ORDER BY TraceId
        LIMIT ${TRACES}
      )
      AND Timestamp >= fromUnixTimestamp64Milli({from:Int64}) - INTERVAL 1 MINUTE
      AND Timestamp < fromUnixTimestamp64Milli({to:Int64}) + INTERVAL 1 MINUTE
    )
    SELECT parent.ServiceName AS caller, child.ServiceName AS callee, count() AS calls
    FROM spans AS child
    INNER JOIN spans AS parent ON child.TraceId = parent.TraceId AND child.ParentSpanId = parent.SpanId
    WHERE child.ServiceName != parent.ServiceName
    GROUP BY caller, callee
    ORDER BY calls DESC`,
    { ...of, from: Math.floor(window.from) * 1000, to: Math.ceil(window.to) * 1000 },
  )
  const callers = rows.filter((row) => row.callee === of.service).map((row) => row.caller)
  const callees = rows.filter((row) => row.caller === of.service).map((row) => row.callee)
  if (callees.length === 0) callees.push(...(await namedPeers(store, of, window)))
  return { callers: callers.slice(0, MOST), callees: callees.slice(0, MOST) }
}

/** Peers of client spans that are services which send telemetry by that name. */
async function namedPeers(
  store: Store,
  { service, environment }: { readonly service: string; readonly environment: string },
  window: { readonly from: number; readonly to: number },
): Promise<readonly string[]> {
  const rows = await store.query<{ peer: string }>(
    `SELECT DISTINCT dimension AS peer FROM signal_1m
    WHERE service = {service:String} AND environment = {environment:String} AND measure = 'client.request'
      AND time >= toDateTime({from:UInt32}) AND time < toDateTime({to:UInt32})
      AND dimension IN (SELECT service FROM version_1h WHERE environment = {environment:String} AND time >= toDateTime({from:UInt32}) - INTERVAL 1 HOUR)
      AND dimension != {service:String}`,
    { service, environment, from: Math.floor(window.from), to: Math.ceil(window.to) },
  )
  return rows.map((row) => row.peer)
}
