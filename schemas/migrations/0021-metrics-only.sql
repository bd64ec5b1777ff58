-- Whether a stream is of failed requests (by its attributes), so that metrics alone give a share of failures.
ALTER TABLE histogram_1m ADD COLUMN IF NOT EXISTS bad Bool, MODIFY ORDER BY (service, environment, measure, dimension, version, instance, temporality, stream, start_time, scale, time, origin, bad);

-- Services that send only counters and histograms are seen too. Points, since what a cumulative one counted is not known from one insert.
CREATE MATERIALIZED VIEW IF NOT EXISTS version_1h_mv_counter TO version_1h AS
SELECT
    toStartOfHour(counter_1m.time) AS time,
    service,
    environment,
    version,
    instance,
    min(counter_1m.time) AS first_time,
    max(counter_1m.time) AS last_time,
    count() AS count
FROM counter_1m
WHERE NOT endsWith(origin, ':history')
GROUP BY time, service, environment, version, instance;

CREATE MATERIALIZED VIEW IF NOT EXISTS version_1h_mv_histogram TO version_1h AS
SELECT
    toStartOfHour(histogram_1m.time) AS time,
    service,
    environment,
    version,
    instance,
    min(histogram_1m.time) AS first_time,
    max(histogram_1m.time) AS last_time,
    count() AS count
FROM histogram_1m
WHERE NOT endsWith(origin, ':history')
GROUP BY time, service, environment, version, instance;
