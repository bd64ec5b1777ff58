-- What could not be read, with the reason; `payload` is the record (or request) as it came.
CREATE TABLE IF NOT EXISTS dead_letter
(
    received_at  DateTime64(3),
    signal       LowCardinality(String) COMMENT 'logs, traces or metrics',
    code         LowCardinality(String),
    message      String CODEC(ZSTD(1)),
    field        String CODEC(ZSTD(1)),
    content_type LowCardinality(String),
    sender       String CODEC(ZSTD(1)),
    payload      String CODEC(ZSTD(3))
)
ENGINE = MergeTree
PARTITION BY toDate(received_at)
ORDER BY (received_at)
SETTINGS ttl_only_drop_parts = 1;
