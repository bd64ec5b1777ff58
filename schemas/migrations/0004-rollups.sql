-- Always aggregate when reading (sum(count), sumMap(histogram)): parts may not be merged yet. histogram.md explains `histogram`.
CREATE TABLE IF NOT EXISTS signal_1m
(
    time        DateTime CODEC(DoubleDelta, ZSTD(1)),
    service     LowCardinality(String),
    environment LowCardinality(String),
    version     LowCardinality(String),
    instance    LowCardinality(String),
    measure     LowCardinality(String),
    dimension   String,
    traffic     LowCardinality(String),
    count       SimpleAggregateFunction(sum, UInt64),
    bad         SimpleAggregateFunction(sum, UInt64),
    sum         SimpleAggregateFunction(sum, Float64),
    sum_squares SimpleAggregateFunction(sum, Float64),
    min         SimpleAggregateFunction(min, Float64),
    max         SimpleAggregateFunction(max, Float64),
    histogram   SimpleAggregateFunction(sumMap, Map(Int16, UInt64))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (service, environment, measure, dimension, version, instance, traffic, time)
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS signal_1h
(
    time        DateTime CODEC(DoubleDelta, ZSTD(1)),
    service     LowCardinality(String),
    environment LowCardinality(String),
    version     LowCardinality(String),
    instance    LowCardinality(String),
    measure     LowCardinality(String),
    dimension   String,
    traffic     LowCardinality(String),
    count       SimpleAggregateFunction(sum, UInt64),
    bad         SimpleAggregateFunction(sum, UInt64),
    sum         SimpleAggregateFunction(sum, Float64),
    sum_squares SimpleAggregateFunction(sum, Float64),
    min         SimpleAggregateFunction(min, Float64),
    max         SimpleAggregateFunction(max, Float64),
    histogram   SimpleAggregateFunction(sumMap, Map(Int16, UInt64))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (service, environment, measure, dimension, version, instance, traffic, time)
SETTINGS ttl_only_drop_parts = 1;

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
    sum(signal_1m.count) AS count,
    sum(signal_1m.bad) AS bad,
    sum(signal_1m.sum) AS sum,
    sum(signal_1m.sum_squares) AS sum_squares,
    min(signal_1m.min) AS min,
    max(signal_1m.max) AS max,
    sumMap(signal_1m.histogram) AS histogram
FROM signal_1m
GROUP BY time, service, environment, version, instance, measure, dimension, traffic;

-- A cumulative counter's stream in one minute. Differences are taken when cells are read, so resets and late points come out right in any order.
CREATE TABLE IF NOT EXISTS counter_1m
(
    time        DateTime CODEC(DoubleDelta, ZSTD(1)),
    service     LowCardinality(String),
    environment LowCardinality(String),
    version     LowCardinality(String),
    instance    LowCardinality(String),
    measure     LowCardinality(String),
    dimension   String,
    stream      UInt64,
    start_time  DateTime64(9),
    first       AggregateFunction(argMin, Float64, DateTime64(9)),
    last        AggregateFunction(argMax, Float64, DateTime64(9)),
    first_time  SimpleAggregateFunction(min, DateTime64(9)),
    last_time   SimpleAggregateFunction(max, DateTime64(9))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (service, environment, measure, dimension, version, instance, stream, start_time, time)
SETTINGS ttl_only_drop_parts = 1;

-- A session (or user) on a version: crash-free ratios count it once, in the minute it was first seen.
CREATE TABLE IF NOT EXISTS session
(
    service     LowCardinality(String),
    environment LowCardinality(String),
    version     LowCardinality(String),
    measure     LowCardinality(String),
    id          UInt64,
    first_time  SimpleAggregateFunction(min, DateTime),
    last_time   SimpleAggregateFunction(max, DateTime),
    crashed     SimpleAggregateFunction(max, UInt8)
)
ENGINE = AggregatingMergeTree
PARTITION BY tuple()
ORDER BY (service, environment, measure, version, id)
SETTINGS index_granularity = 8192;

-- When each version was seen: what releases are discovered from.
CREATE TABLE IF NOT EXISTS version_1h
(
    time        DateTime,
    service     LowCardinality(String),
    environment LowCardinality(String),
    version     LowCardinality(String),
    instance    LowCardinality(String),
    first_time  SimpleAggregateFunction(min, DateTime),
    last_time   SimpleAggregateFunction(max, DateTime),
    count       SimpleAggregateFunction(sum, UInt64)
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (service, environment, version, instance, time)
SETTINGS ttl_only_drop_parts = 1;

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
GROUP BY time, service, environment, version, instance;
