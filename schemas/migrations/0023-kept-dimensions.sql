-- Of a measure and service whose dimension has too many values: those that keep a name, and from when on; all others are (other) in the rollups. A row of
-- the dimension (other) says that, and from when on, the rest is put together on that day (UTC). Rows are never changed: cells were counted by them.
CREATE TABLE IF NOT EXISTS kept_dimension
(
    measure   LowCardinality(String),
    service   LowCardinality(String),
    day       Date,
    dimension String,
    since     DateTime,
    added_at  DateTime64(3) DEFAULT now64(3)
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (day, measure, service, dimension, added_at)
SETTINGS ttl_only_drop_parts = 1, min_free_disk_bytes_to_perform_insert = 67108864;

-- The same in memory, for views to look up without reading a table on each insert; filled at each start. Of two rows of one value the first counts.
CREATE TABLE IF NOT EXISTS kept_dimension_now
(
    measure   LowCardinality(String),
    service   LowCardinality(String),
    day       Date,
    dimension String,
    since     DateTime
)
ENGINE = Join(ANY, LEFT, measure, service, day, dimension)
SETTINGS persistent = 0;

-- What was put together, as of the last look: different values and raw records in the minutes before it.
CREATE TABLE IF NOT EXISTS dimension_rest
(
    measure LowCardinality(String),
    service LowCardinality(String),
    at      DateTime,
    minutes UInt16,
    kept    UInt32,
    values  UInt64,
    records UInt64,
    -- Records of all values in these minutes.
    of      UInt64,
    -- Whether values that deserve a name found no room.
    full    Bool
)
ENGINE = ReplacingMergeTree(at)
ORDER BY (service, measure, toDate(at))
SETTINGS min_free_disk_bytes_to_perform_insert = 67108864;
