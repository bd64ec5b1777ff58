-- Levels of every measure of a service in one environment: what signal-cells.sql gives, without what no level is made of, one row a series and version. Slots are counted from
-- the one that holds {from}, and come in any order: to sort a million of them would cost as much as to add them up.
-- Sums of logarithms are given of the measures {logged}, sums of {summed}.
-- What rests on them has the lines that are made of them in its receipt (baselines/past.ts), not these rows.
SELECT
    measure,
    dimension,
    version,
    groupArray(slot) AS slots,
    groupArray(c) AS counts,
    groupArrayIf(s, has({summed:Array(String)}, measure)) AS sums,
    groupArrayIf(l, has({logged:Array(String)}, measure)) AS logs
FROM
(
    SELECT
        measure,
        multiIf(has({flat:Array(String)}, measure), '', {oneIn:UInt32} > 1 AND cityHash64(source.dimension) % {oneIn:UInt32} != 0, '(other)', source.dimension) AS dimension,
        version,
        toUInt32(intDiv(toUnixTimestamp(time), {step:UInt32}) - intDiv({from:UInt32}, {step:UInt32})) AS slot,
        toFloat64(sum(count)) AS c,
        sum(source.sum) AS s,
        sum(sum_logs) AS l
    FROM {table:Identifier} AS source
    WHERE service = {service:String}
        AND environment = {environment:String}
        AND traffic = 'users'
        AND has({measures:Array(String)}, measure)
        AND time >= toDateTime({from:UInt32})
        AND time < toDateTime({to:UInt32})
    GROUP BY measure, dimension, version, slot
)
GROUP BY measure, dimension, version
