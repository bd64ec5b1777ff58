-- Cells of every measure of some services in one environment, one row a series and version, as arrays over time.
-- With `oneIn` above 1 only one dimension in so many keeps its name, the others are added up.
-- With `levels` only counts and sums (of logarithms too) are given, which is all that a level is made of.
-- Histograms have a statement of their own (histogram-cells.sql): sums are cheap at any length, maps are not.
SELECT
    service,
    measure,
    dimension,
    version,
    groupArray(t) AS times,
    groupArray(c) AS counts,
    groupArrayIf(b, NOT {levels:Bool}) AS bads,
    groupArray(s) AS sums,
    groupArrayIf(ss, NOT {levels:Bool}) AS squares,
    groupArrayIf(lo, NOT {levels:Bool}) AS mins,
    groupArrayIf(hi, NOT {levels:Bool}) AS maxs,
    groupArrayIf(l, {levels:Bool}) AS logs
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
        max(source.max) AS hi,
        sum(if({levels:Bool}, sum_logs, 0)) AS l
    FROM {table:Identifier} AS source
    WHERE service IN ({services:Array(String)})
        AND environment = {environment:String}
        AND traffic = 'users'
        AND has({measures:Array(String)}, measure)
        AND time >= toDateTime({from:UInt32})
        AND time < toDateTime({to:UInt32})
    GROUP BY service, measure, dimension, version, t
    ORDER BY service, measure, dimension, version, t
)
GROUP BY service, measure, dimension, version
