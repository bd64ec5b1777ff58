-- What an insert brings is one file, not one for each stream of each column (98 for logs): making and removing files was a third of what the store did for an
-- insert. Parts that are merged are wide as before, once they have 10 MB.
ALTER TABLE otel_logs MODIFY SETTING min_level_for_wide_part = 1;

ALTER TABLE otel_traces MODIFY SETTING min_level_for_wide_part = 1;

ALTER TABLE otel_metrics_gauge MODIFY SETTING min_level_for_wide_part = 1;

ALTER TABLE otel_metrics_sum MODIFY SETTING min_level_for_wide_part = 1;

ALTER TABLE otel_metrics_histogram MODIFY SETTING min_level_for_wide_part = 1;

ALTER TABLE otel_metrics_exponential_histogram MODIFY SETTING min_level_for_wide_part = 1;

ALTER TABLE otel_metrics_summary MODIFY SETTING min_level_for_wide_part = 1;
