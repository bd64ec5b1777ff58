-- Histograms that metrics bring, one row a series and version, as arrays over time. Of cumulative ones the difference between the last points of two steps of
-- one stream (known by its attributes, as in counter-cells.sql) and start time is taken, at the coarser of their scales; a fall (a reset that kept its start time) counts from zero. A stream's very first point
-- counts as a whole if the stream had begun shortly before; else what it counted before is not known to belong to the step. What a stream had last before the
-- span (`t` 0, as far back as {streamsFrom}; of those that are exported less often, and so have no point since then, as {slowFrom}) is what its first difference is taken from, so that a span read in portions gives what it gives as a whole. Squares, least and greatest are those of the buckets' values.
-- With `levels` sums of logarithms are given in the histograms' stead.
WITH
    (m, by) -> CAST(if(by = 0, (mapKeys(m), mapValues(m)), arrayReduce('sumMap', [arrayMap(k -> bitShiftRight(k, by), mapKeys(m))], [mapValues(m)])), 'Map(Int32, Int64)') AS coarser,
    k -> if(k = -32768, 0., 2 * pow({gamma:Float64}, k) / (1 + {gamma:Float64})) AS bucket_value
SELECT
    service,
    measure,
    dimension,
    version,
    groupArray(t) AS times,
    groupArray(c) AS counts,
    groupArray(b) AS bads,
    groupArray(s) AS sums,
    groupArray(arraySum((k, n) -> n * pow(bucket_value(k), 2), h.1, h.2)) AS squares,
    groupArray(bucket_value(h.1[1])) AS mins,
    groupArray(bucket_value(h.1[-1])) AS maxs,
    groupArrayIf(h.1, NOT {levels:Bool}) AS buckets,
    groupArrayIf(h.2, NOT {levels:Bool}) AS bucketCounts,
    groupArrayIf(if(h.1[1] = -32768, -inf, log({gamma:Float64}) * arraySum((k, n) -> (k - 0.5) * n, h.1, h.2)), {levels:Bool}) AS logs
FROM
(
    SELECT
        service,
        measure,
        dimension,
        version,
        t,
        sum(points) AS c,
        sumIf(points, bad) AS b,
        sum(total) AS s,
        sumMap(
            arrayConcat(if(zeros > 0, [toInt16(-32768)], []), arrayMap(k -> toInt16(if(scale = 127, k, greatest(-32767, least(32767, ceil((k + 0.5) * exp2(-scale) * ln(2) / ln({gamma:Float64})))))), mapKeys(m))),
            arrayConcat(if(zeros > 0, [zeros], []), mapValues(m))
        ) AS h
    FROM
    (
        SELECT
            service,
            measure,
            dimension,
            version,
            t,
            bad,
            toInt64(last_value.count) - toInt64(since.count) AS points,
            last_value.sum - since.sum AS total,
            toInt64(last_value.zero) - toInt64(since.zero) AS zeros,
            if(since.count = 0, last_value.scale, least(last_value.scale, since.scale)) AS scale,
            mapFilter((k, n) -> n > 0, mapSubtract(coarser(last_value.buckets, last_value.scale - scale), if(since.count = 0, CAST(map(), 'Map(Int32, Int64)'), coarser(since.buckets, since.scale - scale)))) AS m
        FROM
        (
            SELECT
                service,
                measure,
                dimension,
                version,
                t,
                bad,
                last_value,
                last_nanos,
                toUnixTimestamp64Nano(start_time) AS start_nanos,
                start_nanos > 0 AND first_nanos - start_nanos BETWEEN 1 AND {justBegun:UInt32} * 1000000000 AS begins,
                CAST((0, 0, last_value.scale, 0, map()), 'Tuple(count UInt64, sum Float64, scale Int32, zero UInt64, buckets Map(Int32, UInt64))') AS none,
                lagInFrame(last_value, 1, if(begins, none, first_value)) OVER stream_order AS previous_value,
                lagInFrame(last_nanos, 1, if(begins, start_nanos, first_nanos)) OVER stream_order AS previous_nanos,
                if(last_value.count >= previous_value.count, previous_value, none) AS since
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
                    max(histogram_1m.bad) AS bad,
                    argMinMerge(first) AS first_value,
                    argMaxMerge(last) AS last_value,
                    toUnixTimestamp64Nano(min(first_time)) AS first_nanos,
                    toUnixTimestamp64Nano(max(last_time)) AS last_nanos
                FROM histogram_1m
                WHERE service IN ({services:Array(String)})
                    AND environment = {environment:String}
                    AND temporality = 2
                    AND has({measures:Array(String)}, measure)
                    AND $KEPT_STREAMS
                    AND time >= toDateTime({slowFrom:UInt32})
                    AND time < toDateTime({to:UInt32})
                    AND (time >= toDateTime({streamsFrom:UInt32}) OR (stream, start_time) IN
                    (
                        SELECT stream, start_time
                        FROM histogram_1m
                        WHERE service IN ({services:Array(String)})
                            AND environment = {environment:String}
                            AND temporality = 2
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
        UNION ALL
        SELECT
            service,
            measure,
            if(has({flat:Array(String)}, measure), '', histogram_1m.dimension) AS dimension,
            version,
            intDiv(toUnixTimestamp(time), {step:UInt32}) * {step:UInt32} AS t,
            bad,
            toInt64(sum(count)) AS points,
            sum(histogram_1m.sum) AS total,
            toInt64(sum(zero)) AS zeros,
            scale,
            CAST(sumMap(histogram_1m.buckets), 'Map(Int32, Int64)') AS m
        FROM histogram_1m
        WHERE service IN ({services:Array(String)})
            AND environment = {environment:String}
            AND temporality = 1
            AND has({measures:Array(String)}, measure)
            AND time >= toDateTime({from:UInt32})
            AND time < toDateTime({to:UInt32})
        GROUP BY service, measure, dimension, version, t, bad, scale
    )
    WHERE points > 0
    GROUP BY service, measure, dimension, version, t
    ORDER BY service, measure, dimension, version, t
)
WHERE notEmpty(h.1)
GROUP BY service, measure, dimension, version
-- What a condition on rows found before would be remembered, though what it asks has changed.
SETTINGS use_query_condition_cache = 0
