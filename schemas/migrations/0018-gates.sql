-- Gates: what a pipeline asked, and what it was told. Read with FINAL: the newest row of a gate is the one that counts.
CREATE TABLE IF NOT EXISTS gates
(
    id            String,
    service       LowCardinality(String),
    environment   LowCardinality(String),
    version       String,
    deployment_id String,
    opened_at     DateTime64(3),
    until         DateTime64(3),
    decision      LowCardinality(String) COMMENT 'pass, hold or fail',
    outcome       LowCardinality(String),
    settled       Bool,
    ignoring      String COMMENT 'a deployment that was over when the gate was opened: not the one that is meant',
    gate_json     String CODEC(ZSTD(3)),
    updated_at    DateTime64(3)
)
ENGINE = ReplacingMergeTree(updated_at)
ORDER BY id;

-- What would have been blocked or paged, had it not been on trial: once a deployment, however often it was asked about.
CREATE TABLE IF NOT EXISTS shadow_events
(
    deployment_id String,
    action        LowCardinality(String) COMMENT 'block or page',
    outcome       LowCardinality(String),
    service       LowCardinality(String),
    environment   LowCardinality(String),
    version       String,
    signals       Array(LowCardinality(String)),
    reason        String,
    at            DateTime64(3)
)
ENGINE = ReplacingMergeTree(at)
ORDER BY (deployment_id, action, outcome);

-- Who told of a deployment, and what: schemas/contracts/deployment.ts.
ALTER TABLE deployments ADD COLUMN IF NOT EXISTS sources_json String DEFAULT '[]' CODEC(ZSTD(1));

-- What people said of a verdict afterwards; signal '' is the deployment as a whole.
CREATE TABLE IF NOT EXISTS marks
(
    deployment_id String,
    signal        LowCardinality(String),
    dimension     String,
    mark          LowCardinality(String) COMMENT 'false_alarm, true or missed; empty: taken back',
    note          String,
    by            String COMMENT 'id of the key, or empty',
    at            DateTime64(3)
)
ENGINE = ReplacingMergeTree(at)
ORDER BY (deployment_id, signal, dimension);
