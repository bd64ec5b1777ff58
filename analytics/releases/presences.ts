import type { Store } from '../../schemas/store/client.ts'
import { AWAY_SECONDS, type Presence } from './absence.ts'
import { isSameVersion } from './same-version.ts'

interface HourRow {
  version: string
  hour: number
  first: number
  last: number
  count: number
}

interface MinuteRow extends HourRow {
  /** Of users. */
  requests: number
}

/** Telemetry without a version is kept and counted, but it is no release. */
export const UNKNOWN_VERSION = 'unknown'

/**
 * Where versions were seen: by minutes in and beside hours that several share, else by hours. In minutes only users' requests count where there are any: instances that nobody
 * is sent to any more still tell of themselves.
 * @param since seconds
 * @param now seconds: the newest minute is not over
 */
export async function presences(
  store: Store,
  of: { readonly service: string; readonly environment: string },
  since: number,
  now: number,
): Promise<readonly Presence[]> {
  const params = { ...of, since: Math.max(0, Math.floor(since)), until: Math.ceil(now) }
  const where = `service = {service:String} AND environment = {environment:String} AND version != '${UNKNOWN_VERSION}'`
  const hours = await store.query<HourRow>(
    `SELECT version, toUnixTimestamp(v.time) AS hour, toUnixTimestamp(min(first_time)) AS first, toUnixTimestamp(max(last_time)) AS last,
      sum(v.count) AS count
    FROM version_1h AS v WHERE ${where} AND v.time >= toDateTime({since:UInt32})
      AND v.time < toDateTime({until:UInt32}) GROUP BY version, hour ORDER BY hour`,
    params,
  )
  const versions = Map.groupBy(hours, ({ hour }) => hour)
  const shared = [...versions.keys()].filter((hour) => {
    const near = [hour - 3600, hour, hour + 3600].flatMap((one) => versions.get(one) ?? [])
    return new Set(near.map(({ version }) => version)).size > 1
  })
  const minutes =
    shared.length === 0
      ? []
      : await store.query<MinuteRow>(
          `SELECT version, toUnixTimestamp(s.time) AS hour, hour AS first, hour AS last, sum(s.count) AS count, sum(s.requests) AS requests
          FROM (
            SELECT version, time, count, if(measure = 'server.request' AND traffic = 'users', count, 0) AS requests
              FROM signal_1m WHERE ${where} AND toUnixTimestamp(toStartOfHour(time)) IN ({hours:Array(UInt32)})
            UNION ALL
            SELECT version, time, 1, 0 FROM counter_1m WHERE ${where} AND toUnixTimestamp(toStartOfHour(time)) IN ({hours:Array(UInt32)})
            UNION ALL
            SELECT version, time, 1, 0 FROM histogram_1m WHERE ${where} AND toUnixTimestamp(toStartOfHour(time)) IN ({hours:Array(UInt32)})
          ) AS s GROUP BY version, hour`,
          { ...params, hours: shared },
        )
  const isServer = minutes.some(({ requests }) => requests > 0)
  const served = isServer
    ? minutes.filter(({ requests }) => requests > 0).map((row) => ({ ...row, count: row.requests }))
    : minutes
  return [...hours.filter(({ hour }) => !shared.includes(hour)), ...served]
    .filter((row) => row.first < now)
    .map((row) => ({
      version: row.version,
      from: row.first,
      to: Math.min(row.last + 60, now),
      count: row.count,
    }))
}

/** Whether another version still served at a moment, so that this one was being rolled out beside it. @param at milliseconds */
export async function isBesideAnother(
  store: Store,
  of: { readonly service: string; readonly environment: string },
  version: string,
  at: number,
): Promise<boolean> {
  const now = at / 1000
  const seen = await presences(store, of, now - 3600, now)
  return seen.some((other) => !isSameVersion(other.version, version) && other.to > now - AWAY_SECONDS)
}
