-- Which requests Kafka's consumers have stored, by the partition that they came from: written with each batch's rows, read when a consumer gets
-- a partition, so that a request that its sender repeats is known after a crash too.
CREATE TABLE IF NOT EXISTS kafka_request
(
    topic       LowCardinality(String),
    partition   Int32,
    `offset`    Int64 CODEC(Delta, ZSTD(1)),
    hash        String CODEC(ZSTD(1)),
    received_at DateTime64(3) CODEC(Delta, ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toDate(received_at)
ORDER BY (topic, partition, `offset`)
TTL toDateTime(received_at) + INTERVAL 2 DAY
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;
