-- Inserts are known by their token: one that is repeated after a lost answer adds nothing, neither here nor in the rollups. The newest
-- 10,000 blocks of each table are remembered, which is minutes at one block a lane and 10 ms, and days at usual loads.
ALTER TABLE otel_logs MODIFY SETTING non_replicated_deduplication_window = 10000;

ALTER TABLE otel_traces MODIFY SETTING non_replicated_deduplication_window = 10000;

ALTER TABLE otel_metrics_gauge MODIFY SETTING non_replicated_deduplication_window = 10000;

ALTER TABLE otel_metrics_sum MODIFY SETTING non_replicated_deduplication_window = 10000;

ALTER TABLE otel_metrics_histogram MODIFY SETTING non_replicated_deduplication_window = 10000;

ALTER TABLE otel_metrics_exponential_histogram MODIFY SETTING non_replicated_deduplication_window = 10000;

ALTER TABLE otel_metrics_summary MODIFY SETTING non_replicated_deduplication_window = 10000;

ALTER TABLE signal_1m MODIFY SETTING non_replicated_deduplication_window = 10000;

ALTER TABLE signal_1h MODIFY SETTING non_replicated_deduplication_window = 10000;

ALTER TABLE counter_1m MODIFY SETTING non_replicated_deduplication_window = 10000;

ALTER TABLE session MODIFY SETTING non_replicated_deduplication_window = 10000;

ALTER TABLE version_1h MODIFY SETTING non_replicated_deduplication_window = 10000;

ALTER TABLE dead_letter MODIFY SETTING non_replicated_deduplication_window = 10000;
