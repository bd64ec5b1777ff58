-- What is put together may be streams that are not kept instead of values of a dimension, and of a day that was counted afterwards (`at` is its start).
ALTER TABLE dimension_rest ADD COLUMN IF NOT EXISTS streams Bool, ADD COLUMN IF NOT EXISTS history Bool, MODIFY ORDER BY (service, measure, toDate(at), streams, history);
