-- The first row that a request brings to a table carries the request's mark: 96 bits of a hash over its sender and bytes, and above them the
-- second in which it came. Read back at start, so that a request that is sent again after a crash is known. On all other rows it is 0, which
-- is kept sparsely. The index lets a start skip all that is older than its window.
ALTER TABLE otel_logs ADD COLUMN IF NOT EXISTS RequestMark UInt128 CODEC(ZSTD(1)), ADD INDEX IF NOT EXISTS idx_request_mark RequestMark TYPE minmax GRANULARITY 1;

ALTER TABLE otel_traces ADD COLUMN IF NOT EXISTS RequestMark UInt128 CODEC(ZSTD(1)), ADD INDEX IF NOT EXISTS idx_request_mark RequestMark TYPE minmax GRANULARITY 1;

ALTER TABLE otel_metrics_gauge ADD COLUMN IF NOT EXISTS RequestMark UInt128 CODEC(ZSTD(1)), ADD INDEX IF NOT EXISTS idx_request_mark RequestMark TYPE minmax GRANULARITY 1;

ALTER TABLE otel_metrics_sum ADD COLUMN IF NOT EXISTS RequestMark UInt128 CODEC(ZSTD(1)), ADD INDEX IF NOT EXISTS idx_request_mark RequestMark TYPE minmax GRANULARITY 1;

ALTER TABLE otel_metrics_histogram ADD COLUMN IF NOT EXISTS RequestMark UInt128 CODEC(ZSTD(1)), ADD INDEX IF NOT EXISTS idx_request_mark RequestMark TYPE minmax GRANULARITY 1;

ALTER TABLE otel_metrics_exponential_histogram ADD COLUMN IF NOT EXISTS RequestMark UInt128 CODEC(ZSTD(1)), ADD INDEX IF NOT EXISTS idx_request_mark RequestMark TYPE minmax GRANULARITY 1;

ALTER TABLE otel_metrics_summary ADD COLUMN IF NOT EXISTS RequestMark UInt128 CODEC(ZSTD(1)), ADD INDEX IF NOT EXISTS idx_request_mark RequestMark TYPE minmax GRANULARITY 1;

ALTER TABLE dead_letter ADD COLUMN IF NOT EXISTS RequestMark UInt128 CODEC(ZSTD(1)), ADD INDEX IF NOT EXISTS idx_request_mark RequestMark TYPE minmax GRANULARITY 1;
