-- What is to be told to whom, and what was told with its answer: one row a receiver and notice (analytics/alerts/delivery). Read with FINAL. `version` grows with the
-- notice's progress and not with time, so that what one process knows late never undoes what another has done.
CREATE TABLE IF NOT EXISTS alert_outbox
(
    receiver     LowCardinality(String),
    id           String COMMENT 'of the notice: the same for every attempt',
    subject      String COMMENT 'the alert or deployment',
    event        LowCardinality(String) COMMENT 'firing, acknowledged, resolved or deployment',
    revision     UInt32,
    severity     LowCardinality(String),
    service      LowCardinality(String),
    environment  LowCardinality(String),
    title        String,
    link         String,
    state        LowCardinality(String) COMMENT 'waiting, sent, superseded or given_up',
    attempts     UInt32,
    refusals     UInt32 COMMENT 'attempts that the receiver answered with a failure of its own',
    created_at   DateTime64(3),
    attempted_at Nullable(DateTime64(3)),
    next_at      DateTime64(3),
    answer       String COMMENT 'of the last attempt, without secrets',
    notice_json  String CODEC(ZSTD(3)),
    version      UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (receiver, id)
TTL toDateTime(created_at) + INTERVAL 90 DAY;

-- Who makes which attempt: its number is the insert's token, so that of several processes the first one makes it, and the others find its name here.
CREATE TABLE IF NOT EXISTS alert_attempt
(
    receiver   LowCardinality(String),
    id         String,
    attempt    UInt32,
    process    String,
    started_at DateTime64(3)
)
ENGINE = MergeTree
ORDER BY (receiver, id, attempt)
TTL toDateTime(started_at) + INTERVAL 30 DAY
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS alert_acknowledgement
(
    alert_id        String,
    acknowledged_by String,
    acknowledged_at DateTime64(3)
)
ENGINE = ReplacingMergeTree(acknowledged_at)
ORDER BY alert_id;

-- Mutes and planned maintenance. An empty column is everything.
CREATE TABLE IF NOT EXISTS alert_mute
(
    id          String,
    alert_id    String,
    service     String,
    environment String,
    starts_at   DateTime64(3),
    ends_at     DateTime64(3),
    reason      String,
    created_by  String,
    created_at  DateTime64(3),
    updated_at  DateTime64(3)
)
ENGINE = ReplacingMergeTree(updated_at)
ORDER BY id;
