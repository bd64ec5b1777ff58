-- Sessions (or users) by the step they were first seen in on a version; a session that moved on to another version counts on both. Sessions are taken to
-- last a day at most, so that older ones need not be looked at.
SELECT
    service,
    measure,
    '' AS dimension,
    version,
    groupArray(t) AS times,
    groupArray(c) AS counts,
    groupArray(b) AS bads
FROM
(
    SELECT
        service,
        measure,
        version,
        intDiv(toUnixTimestamp(seen), {step:UInt32}) * {step:UInt32} AS t,
        count() AS c,
        sum(crash) AS b
    FROM
    (
        SELECT
            service,
            measure,
            version,
            id,
            min(first_time) AS seen,
            max(crashed) AS crash
        FROM session
        WHERE service IN ({services:Array(String)})
            AND environment = {environment:String}
            AND has({measures:Array(String)}, measure)
            AND first_time < toDateTime({to:UInt32})
            AND last_time >= toDateTime(greatest({from:UInt32}, 86400) - 86400)
        GROUP BY service, measure, version, id
        HAVING seen >= toDateTime({from:UInt32}) AND seen < toDateTime({to:UInt32})
    )
    GROUP BY service, measure, version, t
    ORDER BY service, measure, version, t
)
GROUP BY service, measure, version
