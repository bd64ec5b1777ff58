-- Histograms of the measures that are compared as distributions, one row a series and version, as arrays over time: read over a window only.
SELECT
    service,
    measure,
    dimension,
    version,
    groupArray(t) AS times,
    groupArray(mapKeys(h)) AS buckets,
    groupArray(mapValues(h)) AS bucketCounts
FROM
(
    SELECT
        service,
        measure,
        multiIf(has({flat:Array(String)}, measure), '', {oneIn:UInt32} > 1 AND cityHash64(source.dimension) % {oneIn:UInt32} != 0, '(other)', source.dimension) AS dimension,
        version,
        intDiv(toUnixTimestamp(time), {step:UInt32}) * {step:UInt32} AS t,
        sumMap(histogram) AS h
    FROM {table:Identifier} AS source
    WHERE service IN ({services:Array(String)})
        AND environment = {environment:String}
        AND traffic = 'users'
        AND has({measures:Array(String)}, measure)
        AND time >= toDateTime({from:UInt32})
        AND time < toDateTime({to:UInt32})
    GROUP BY service, measure, dimension, version, t
    ORDER BY t
)
GROUP BY service, measure, dimension, version
