-- Cells of every measure of some services in one environment, one row a series and version, as arrays over time.
-- With `oneIn` above 1 only one dimension in so many keeps its name, the others are added up.
-- Histograms have a statement of their own (histogram-cells.sql): sums are cheap at any length, maps are not.
SELECT
    service,
    measure,
    dimension,
    version,
    groupArray(t) AS times,
    groupArray(c) AS counts,
    groupArray(b) AS bads,
    groupArray(s) AS sums,
    groupArray(ss) AS squares,
    groupArray(lo) AS mins,
    groupArray(hi) AS maxs
FROM
(
    SELECT
        service,
        measure,
        multiIf(has({flat:Array(String)}, measure), '', {oneIn:UInt32} > 1 AND cityHash64(source.dimension) % {oneIn:UInt32} != 0, '(other)', source.dimension) AS dimension,
        version,
        intDiv(toUnixTimestamp(time), {step:UInt32}) * {step:UInt32} AS t,
        sum(count) AS c,
        sum(bad) AS b,
        sum(source.sum) AS s,
        sum(sum_squares) AS ss,
        min(source.min) AS lo,
        max(source.max) AS hi
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
