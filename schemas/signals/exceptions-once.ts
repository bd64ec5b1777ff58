/**
 * Exceptions of `exception_1m`, each counted once, however it came: a subquery with the columns time, service, version, instance, dimension, n and bad.
 *
 * An exception is known by its trace and span, its type and its message. A span's events and a span's logs of one exception are two views of the same
 * occurrences, so there were as many as the more complete view shows: the greater of the two counts, not their sum. Logs that name no span are taken for
 * those of span events that have no log of their own, of the same type and message, in the same instance and minute; only as many as are beyond those
 * are counted. All of it is sums and minima over whole minutes, so it does not matter when, in what order, or through which process either view came.
 * Where an event and its log name different kinds (a log without the stack trace) the event's counts.
 * @param where Boolean SQL over the columns of `exception_1m`: whole minutes, or pairs are torn apart
 */
export function exceptionsOnce(where: string): string {
  return `(
  SELECT time, service, version, instance, one.1 AS dimension, one.2 AS n, least(one.3, n) AS bad
  FROM (
    -- Of logs beyond the events of their span and kind, so many are another kind's or another span's: they are taken off kind after kind.
    SELECT time, service, version, instance,
      arrayJoin(groupArray((span, taken, kinds))) AS part,
      if(part.1 = 0, sum(spare), part.2) AS off,
      arrayJoin(arrayMap(
        (kind, upTo) -> (kind.1, kind.2 - greatest(0, least(kind.3, off - (upTo - kind.3))), kind.4),
        part.3, arrayCumSum(part.3.3)
      )) AS one
    FROM (
      SELECT time, service, version, instance, says, span,
        sum(greatest(l - e, 0)) AS beyond,
        sum(greatest(e - l, 0)) AS unlogged,
        least(beyond, unlogged) AS taken,
        if(span = 0, 0, unlogged - taken) AS spare,
        groupArray((kind, greatest(e, l), greatest(l - e, 0), greatest(be, bl))) AS kinds
      FROM (
        SELECT time, service, version, instance, says, span, toString(dimension) AS kind,
          toInt64(sum(events)) AS e, toInt64(sum(logs)) AS l, toInt64(sum(bad_events)) AS be, toInt64(sum(bad_logs)) AS bl
        FROM exception_1m
        WHERE ${where}
        GROUP BY time, service, version, instance, says, span, dimension
      )
      GROUP BY time, service, version, instance, says, span
    )
    GROUP BY time, service, version, instance, says
  )
  WHERE n > 0
)`
}
