-- Of a version of a service (in an environment) with too many instances: those that keep a name, and from when on; all others are (other) in the rollups. A row
-- of the instance (other) says that, and from when on, the rest is put together on that day (UTC). Rows are never changed: cells were counted by them.
CREATE TABLE IF NOT EXISTS kept_instance
(
    service     LowCardinality(String),
    environment LowCardinality(String),
    version     LowCardinality(String),
    -- Whether it is what the past is counted by, apart from what views have counted of the same day.
    history     Bool,
    day         Date,
    instance    String,
    since       DateTime,
    added_at    DateTime64(3) DEFAULT now64(3)
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (day, service, environment, version, history, instance, added_at)
SETTINGS ttl_only_drop_parts = 1, min_free_disk_bytes_to_perform_insert = 67108864;

-- The same in memory, for views to look up; filled at each start. Of two rows of one instance the first counts. `since`: seconds since the epoch.
CREATE TABLE IF NOT EXISTS kept_instance_now
(
    service     LowCardinality(String),
    environment LowCardinality(String),
    version     LowCardinality(String),
    history     Bool,
    day         Date,
    instance    String,
    since       UInt32
)
ENGINE = Join(ANY, LEFT, service, environment, version, history, day, instance)
SETTINGS persistent = 0;

-- What is put together may be instances (measure `instance`), of one version in one environment.
ALTER TABLE dimension_rest ADD COLUMN IF NOT EXISTS environment LowCardinality(String), ADD COLUMN IF NOT EXISTS version LowCardinality(String), MODIFY ORDER BY (service, measure, toDate(at), streams, history, environment, version);
