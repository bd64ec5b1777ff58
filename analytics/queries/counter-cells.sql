-- Increase per second of cumulative counters, one row a series and version, as arrays over time: each stream gives one sample a step.
-- A stream is known by its attributes, those of its instance among them, not by the instance's name, which may become (other) between two points.
-- A difference is taken between the last points of two steps of one stream and start time; a fall (a reset that kept its start time)
-- counts from zero. A stream's very first point has no difference: what it counted before is not known to belong to the step. What a stream had last
-- before the span (`t` 0, as far back as {streamsFrom}; of those that are exported less often, and so have no point since then, as {slowFrom}) is what its first difference is taken from, so that a span read in portions gives what it gives as a whole.
SELECT
    service,
    measure,
    dimension,
    version,
    groupArray(t) AS times,
    groupArray(c) AS counts,
    groupArray(s) AS sums,
    groupArray(ss) AS squares,
    groupArray(lo) AS mins,
    groupArray(hi) AS maxs
FROM
(
    SELECT
        service,
        measure,
        dimension,
        version,
        t,
        count() AS c,
        sum(rate) AS s,
        sum(rate * rate) AS ss,
        min(rate) AS lo,
        max(rate) AS hi
    FROM
    (
        SELECT
            service,
            measure,
            dimension,
            version,
            t,
            last_value,
            last_nanos,
            lagInFrame(last_value, 1, first_value) OVER stream_order AS previous_value,
            lagInFrame(last_nanos, 1, first_nanos) OVER stream_order AS previous_nanos,
            (if(last_value >= previous_value, last_value - previous_value, last_value))
                / ((last_nanos - previous_nanos) / 1e9) AS rate
        FROM
        (
            SELECT
                service,
                measure,
                if(has({flat:Array(String)}, measure), '', dimension) AS dimension,
                version,
                stream,
                start_time,
                if(time < toDateTime({from:UInt32}), 0, intDiv(toUnixTimestamp(time), {step:UInt32}) * {step:UInt32}) AS t,
                argMinMerge(first) AS first_value,
                argMaxMerge(last) AS last_value,
                toUnixTimestamp64Nano(min(first_time)) AS first_nanos,
                toUnixTimestamp64Nano(max(last_time)) AS last_nanos
            FROM counter_1m
            WHERE service IN ({services:Array(String)})
                AND environment = {environment:String}
                AND has({measures:Array(String)}, measure)
                AND $KEPT_STREAMS
                AND time >= toDateTime({slowFrom:UInt32})
                AND time < toDateTime({to:UInt32})
                AND (time >= toDateTime({streamsFrom:UInt32}) OR (stream, start_time) IN
                (
                    SELECT stream, start_time
                    FROM counter_1m
                    WHERE service IN ({services:Array(String)})
                        AND environment = {environment:String}
                        AND has({measures:Array(String)}, measure)
                        AND time >= toDateTime({streamsFrom:UInt32})
                        AND time < toDateTime({firstBefore:UInt32})
                    GROUP BY stream, start_time
                    HAVING min(time) >= toDateTime({from:UInt32})
                ))
            GROUP BY service, measure, dimension, version, stream, start_time, t
        )
        WINDOW stream_order AS (PARTITION BY service, measure, dimension, version, stream, start_time ORDER BY t ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
    )
    WHERE t > 0 AND last_nanos > previous_nanos
    GROUP BY service, measure, dimension, version, t
    ORDER BY service, measure, dimension, version, t
)
GROUP BY service, measure, dimension, version
-- What a condition on rows found before would be remembered, though what it asks has changed.
SETTINGS use_query_condition_cache = 0
