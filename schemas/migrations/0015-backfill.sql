-- `since`: seconds since the epoch from which a view counts what happens; what was before is counted by `postflight backfill`. `source`: the user's
-- table that a view reads, as database.table; '' for Postflight's own.
CREATE TABLE IF NOT EXISTS rollup_views
(
    name       String,
    measure    String,
    checksum   String,
    dropped    Bool DEFAULT false,
    applied_at DateTime64(3) DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(applied_at)
ORDER BY name;

ALTER TABLE rollup_views ADD COLUMN IF NOT EXISTS source String, ADD COLUMN IF NOT EXISTS since UInt32;

-- Whence a cell was counted: '' what Postflight took in, the user's table as database.table, or `<table>:history` what was counted afterwards. Cells of one
-- origin can be taken away and counted anew; readers add all of them up.
ALTER TABLE signal_1m ADD COLUMN IF NOT EXISTS origin LowCardinality(String), MODIFY ORDER BY (service, environment, measure, dimension, version, instance, traffic, time, origin);

ALTER TABLE signal_1h ADD COLUMN IF NOT EXISTS origin LowCardinality(String), MODIFY ORDER BY (service, environment, measure, dimension, version, instance, traffic, time, origin);

ALTER TABLE counter_1m ADD COLUMN IF NOT EXISTS origin LowCardinality(String), MODIFY ORDER BY (service, environment, measure, dimension, version, instance, stream, start_time, time, origin);

ALTER TABLE histogram_1m ADD COLUMN IF NOT EXISTS origin LowCardinality(String), MODIFY ORDER BY (service, environment, measure, dimension, version, instance, temporality, stream, start_time, scale, time, origin);

ALTER TABLE exception_1m ADD COLUMN IF NOT EXISTS origin LowCardinality(String), MODIFY ORDER BY (service, environment, time, version, instance, says, span, dimension, origin);

ALTER TABLE version_1h ADD COLUMN IF NOT EXISTS origin LowCardinality(String), MODIFY ORDER BY (service, environment, version, instance, time, origin);

-- Made anew, not altered: after `MODIFY QUERY` the engine (26.7) knows repeated inserts by another token than after its next start, and counts them twice.
DROP VIEW IF EXISTS signal_1h_mv;

CREATE MATERIALIZED VIEW IF NOT EXISTS signal_1h_mv TO signal_1h AS
SELECT
    toStartOfHour(signal_1m.time) AS time,
    service,
    environment,
    version,
    instance,
    measure,
    dimension,
    traffic,
    origin,
    sum(signal_1m.count) AS count,
    sum(signal_1m.bad) AS bad,
    sum(signal_1m.sum) AS sum,
    sum(signal_1m.sum_squares) AS sum_squares,
    min(signal_1m.min) AS min,
    max(signal_1m.max) AS max,
    sumMap(signal_1m.histogram) AS histogram
FROM signal_1m
GROUP BY time, service, environment, version, instance, measure, dimension, traffic, origin;

-- The backfill counts versions by itself, from the raw rows.
DROP VIEW IF EXISTS version_1h_mv;

CREATE MATERIALIZED VIEW IF NOT EXISTS version_1h_mv TO version_1h AS
SELECT
    toStartOfHour(signal_1m.time) AS time,
    service,
    environment,
    version,
    instance,
    min(signal_1m.time) AS first_time,
    max(signal_1m.time) AS last_time,
    sum(signal_1m.count) AS count
FROM signal_1m
WHERE NOT endsWith(origin, ':history')
GROUP BY time, service, environment, version, instance;

-- Spans of time of a measure that were counted afterwards, with the rows that the raw table had then: when it has more, they are counted anew.
CREATE TABLE IF NOT EXISTS backfill
(
    source     String COMMENT 'database.table of the user, or a raw table of Postflight',
    measure    String,
    from_time  DateTime,
    to_time    DateTime,
    rows       UInt64,
    updated_at DateTime64(3) DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(updated_at)
ORDER BY (source, measure, from_time, to_time);

-- Who is backfilling: one at a time.
CREATE TABLE IF NOT EXISTS backfill_lease
(
    id    UInt8,
    owner String,
    beat  DateTime64(3) DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(beat)
ORDER BY id;
