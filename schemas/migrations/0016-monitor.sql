-- What the monitor knows of a deployment that is watched. Read with FINAL: the newest row of a key is the one that counts. `*_json` follow schemas/contracts/watch.ts.
CREATE TABLE IF NOT EXISTS watches
(
    deployment_id String,
    service       LowCardinality(String),
    environment   LowCardinality(String),
    version       String,
    state         LowCardinality(String),
    opened_at     DateTime64(3),
    closes_at     DateTime64(3),
    looked_at     DateTime64(3),
    watch_json    String CODEC(ZSTD(3))
)
ENGINE = ReplacingMergeTree(looked_at)
ORDER BY deployment_id
TTL toDateTime(opened_at) + INTERVAL 90 DAY;

-- What happened in a watch, each thing once: ids are made from what it is, so that a repeated row says nothing new.
CREATE TABLE IF NOT EXISTS watch_events
(
    deployment_id String,
    id            String,
    at            DateTime64(3),
    kind          LowCardinality(String),
    summary       String,
    evidence_json String CODEC(ZSTD(3))
)
ENGINE = ReplacingMergeTree
ORDER BY (deployment_id, id)
TTL toDateTime(at) + INTERVAL 90 DAY;
