-- What kind of line a log record is (ingest/log-templates): for severity WARN and above, and for lines without a severity that read like errors.
ALTER TABLE otel_logs ADD COLUMN IF NOT EXISTS TemplateId UInt64 CODEC(ZSTD(1)), ADD COLUMN IF NOT EXISTS Template LowCardinality(String) CODEC(ZSTD(1));

-- Every kind of line that was seen: read at start, so that the same line is of the same kind after it. `name` is the kind's first line, masked, and
-- never changes; `pattern` has a wildcard where its lines differ.
CREATE TABLE IF NOT EXISTS log_template
(
    version    UInt8 COMMENT 'of the method: templates of another one are others',
    id         UInt64,
    name       String CODEC(ZSTD(1)),
    pattern    String CODEC(ZSTD(1)),
    first_seen DateTime64(9),
    last_seen  DateTime64(9)
)
ENGINE = ReplacingMergeTree(last_seen)
ORDER BY (version, id)
SETTINGS non_replicated_deduplication_window = 10000;
