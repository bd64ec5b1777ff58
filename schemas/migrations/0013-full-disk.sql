-- On a full disk the engine may finish a part whose marks it could not write, answer that all went well, and be unable to read the part afterwards (seen with
-- 26.x: "Empty marks file"). So inserts are refused while there is room left; their senders hear it and repeat them.
ALTER TABLE otel_logs MODIFY SETTING min_free_disk_bytes_to_perform_insert = 67108864;

ALTER TABLE otel_traces MODIFY SETTING min_free_disk_bytes_to_perform_insert = 67108864;

ALTER TABLE otel_metrics_gauge MODIFY SETTING min_free_disk_bytes_to_perform_insert = 67108864;

ALTER TABLE otel_metrics_sum MODIFY SETTING min_free_disk_bytes_to_perform_insert = 67108864;

ALTER TABLE otel_metrics_histogram MODIFY SETTING min_free_disk_bytes_to_perform_insert = 67108864;

ALTER TABLE otel_metrics_exponential_histogram MODIFY SETTING min_free_disk_bytes_to_perform_insert = 67108864;

ALTER TABLE otel_metrics_summary MODIFY SETTING min_free_disk_bytes_to_perform_insert = 67108864;

ALTER TABLE signal_1m MODIFY SETTING min_free_disk_bytes_to_perform_insert = 67108864;

ALTER TABLE signal_1h MODIFY SETTING min_free_disk_bytes_to_perform_insert = 67108864;

ALTER TABLE version_1h MODIFY SETTING min_free_disk_bytes_to_perform_insert = 67108864;

ALTER TABLE counter_1m MODIFY SETTING min_free_disk_bytes_to_perform_insert = 67108864;

ALTER TABLE exception_1m MODIFY SETTING min_free_disk_bytes_to_perform_insert = 67108864;

ALTER TABLE session MODIFY SETTING min_free_disk_bytes_to_perform_insert = 67108864;

ALTER TABLE dead_letter MODIFY SETTING min_free_disk_bytes_to_perform_insert = 67108864;

ALTER TABLE kafka_request MODIFY SETTING min_free_disk_bytes_to_perform_insert = 67108864;

ALTER TABLE log_template MODIFY SETTING min_free_disk_bytes_to_perform_insert = 67108864;
