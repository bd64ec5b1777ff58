-- Read with FINAL: the newest row of a key is the one that counts. Times are UTC. `*_json` columns follow schemas/contracts.
CREATE TABLE IF NOT EXISTS deployments
(
    id               String,
    service          LowCardinality(String),
    environment      LowCardinality(String),
    version          String,
    previous_version String,
    started_at       DateTime64(3),
    finished_at      Nullable(DateTime64(3)),
    source           LowCardinality(String) COMMENT 'api or discovered',
    status           LowCardinality(String) COMMENT 'in_progress, succeeded, failed or rolled_back',
    attributes       Map(String, String),
    updated_at       DateTime64(3)
)
ENGINE = ReplacingMergeTree(updated_at)
ORDER BY id;

CREATE TABLE IF NOT EXISTS releases
(
    service    LowCardinality(String),
    version    String,
    attributes Map(String, String),
    updated_at DateTime64(3)
)
ENGINE = ReplacingMergeTree(updated_at)
ORDER BY (service, version);

CREATE TABLE IF NOT EXISTS reports
(
    deployment_id String,
    service       LowCardinality(String),
    environment   LowCardinality(String),
    version       String,
    started_at    DateTime64(3),
    state         LowCardinality(String),
    provisional   Bool,
    computed_at   DateTime64(3),
    method        String,
    report_json   String CODEC(ZSTD(3))
)
ENGINE = ReplacingMergeTree(computed_at)
ORDER BY deployment_id;

CREATE TABLE IF NOT EXISTS verdicts
(
    deployment_id     String,
    signal            LowCardinality(String),
    dimension         String,
    service           LowCardinality(String),
    environment       LowCardinality(String),
    version           String,
    started_at        DateTime64(3),
    word              LowCardinality(String),
    kind              LowCardinality(String),
    effect_ratio      Nullable(Float64),
    effect_difference Nullable(Float64),
    interval_low      Nullable(Float64),
    interval_high     Nullable(Float64),
    p_value           Nullable(Float64),
    before_value      Nullable(Float64),
    after_value       Nullable(Float64),
    before_count      Float64,
    after_count       Float64,
    provisional       Bool,
    method            String,
    computed_at       DateTime64(3),
    verdict_json      String CODEC(ZSTD(3))
)
ENGINE = ReplacingMergeTree(computed_at)
ORDER BY (deployment_id, signal, dimension);

CREATE TABLE IF NOT EXISTS nulls
(
    service        LowCardinality(String),
    environment    LowCardinality(String),
    signal         LowCardinality(String),
    dimension      String,
    window_minutes UInt32,
    time           DateTime,
    statistic      Float64,
    standard_error Float64,
    method         String,
    updated_at     DateTime64(3)
)
ENGINE = ReplacingMergeTree(updated_at)
ORDER BY (service, environment, signal, dimension, window_minutes, time);

CREATE TABLE IF NOT EXISTS alerts
(
    id              String,
    deployment_id   String,
    service         LowCardinality(String),
    environment     LowCardinality(String),
    version         String,
    status          LowCardinality(String) COMMENT 'firing or resolved',
    starts_at       DateTime64(3),
    ends_at         Nullable(DateTime64(3)),
    summary         String,
    alert_json      String,
    deliveries_json String,
    updated_at      DateTime64(3)
)
ENGINE = ReplacingMergeTree(updated_at)
ORDER BY id;

CREATE TABLE IF NOT EXISTS api_keys
(
    id         String,
    name       String,
    hash       String,
    scopes     Array(LowCardinality(String)),
    created_at DateTime64(3),
    revoked_at Nullable(DateTime64(3)),
    updated_at DateTime64(3)
)
ENGINE = ReplacingMergeTree(updated_at)
ORDER BY id;
