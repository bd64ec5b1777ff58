-- The kind of each exception, named when it comes in (ingest/exceptions): schemas/exception-kind.ts describes the name. Rows that other
-- programs store have none; the views then name them by type and message.
ALTER TABLE otel_logs ADD COLUMN IF NOT EXISTS ExceptionKind LowCardinality(String) CODEC(ZSTD(1));

ALTER TABLE otel_traces ADD COLUMN IF NOT EXISTS `Events.ExceptionKind` Array(LowCardinality(String)) DEFAULT arrayMap(name -> '', `Events.Name`) CODEC(ZSTD(1));

-- Exceptions of a minute as span events and as logs, apart, so that they can be counted once whenever and wherever either comes:
-- schemas/signals/exceptions-once.ts reads them. `says`: hash of type and message; `span`: 1 to 63 by trace and span id, 0 where there are none.
CREATE TABLE IF NOT EXISTS exception_1m
(
    time        DateTime CODEC(DoubleDelta, ZSTD(1)),
    service     LowCardinality(String),
    environment LowCardinality(String),
    version     LowCardinality(String),
    instance    LowCardinality(String),
    says        UInt64,
    span        UInt8,
    dimension   LowCardinality(String),
    events      SimpleAggregateFunction(sum, UInt64),
    logs        SimpleAggregateFunction(sum, UInt64),
    bad_events  SimpleAggregateFunction(sum, UInt64),
    bad_logs    SimpleAggregateFunction(sum, UInt64)
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (service, environment, time, version, instance, says, span, dimension)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

-- When each kind was seen, for longer than the minutes are kept: what came back is not new.
CREATE TABLE IF NOT EXISTS exception_kind
(
    service     LowCardinality(String),
    environment LowCardinality(String),
    dimension   String,
    first_time  SimpleAggregateFunction(min, DateTime),
    last_time   SimpleAggregateFunction(max, DateTime)
)
ENGINE = AggregatingMergeTree
ORDER BY (service, environment, dimension)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS exception_kind_mv TO exception_kind AS
SELECT
    service,
    environment,
    toString(exception_1m.dimension) AS dimension,
    min(time) AS first_time,
    max(time) AS last_time
FROM exception_1m
GROUP BY service, environment, dimension;

-- What was counted before, so that histories go on. Repeated after a crash it adds nothing.
INSERT INTO exception_1m (time, service, environment, version, instance, says, span, dimension, events, logs, bad_events, bad_logs)
SELECT
    time,
    service,
    environment,
    version,
    instance,
    cityHash64(dimension),
    measure = 'exception.span_event',
    dimension,
    sumIf(count, measure = 'exception.span_event'),
    sumIf(count, measure = 'exception.log'),
    sumIf(bad, measure = 'exception.span_event'),
    sumIf(bad, measure = 'exception.log')
FROM signal_1m
WHERE measure IN ('exception.span_event', 'exception.log')
GROUP BY time, service, environment, version, instance, measure, dimension
ORDER BY time, service, environment, version, instance, measure, dimension
SETTINGS insert_deduplication_token = 'migration-exceptions', deduplicate_blocks_in_dependent_materialized_views = 1, max_threads = 1, max_insert_threads = 1;
