-- A histogram's stream in one minute. Cumulative ones (temporality 2) keep first and last point: differences are taken when cells are read, so resets and late
-- points come out right in any order. Deltas (1) are added up, each scale apart. `scale` 127: buckets of histogram.md; others: base-2 exponential buckets.
CREATE TABLE IF NOT EXISTS histogram_1m
(
    time        DateTime CODEC(DoubleDelta, ZSTD(1)),
    service     LowCardinality(String),
    environment LowCardinality(String),
    version     LowCardinality(String),
    instance    LowCardinality(String),
    measure     LowCardinality(String),
    dimension   String,
    temporality Int8,
    stream      UInt64,
    start_time  DateTime64(9),
    scale       Int32,
    first       AggregateFunction(argMin, Tuple(count UInt64, sum Float64, scale Int32, zero UInt64, buckets Map(Int32, UInt64)), DateTime64(9)),
    last        AggregateFunction(argMax, Tuple(count UInt64, sum Float64, scale Int32, zero UInt64, buckets Map(Int32, UInt64)), DateTime64(9)),
    first_time  SimpleAggregateFunction(min, DateTime64(9)),
    last_time   SimpleAggregateFunction(max, DateTime64(9)),
    count       SimpleAggregateFunction(sum, UInt64),
    sum         SimpleAggregateFunction(sum, Float64),
    zero        SimpleAggregateFunction(sum, UInt64),
    buckets     SimpleAggregateFunction(sumMap, Map(Int32, UInt64))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (service, environment, measure, dimension, version, instance, temporality, stream, start_time, scale, time)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000, min_free_disk_bytes_to_perform_insert = 67108864;
