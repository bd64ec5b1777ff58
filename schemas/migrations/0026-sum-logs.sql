-- Sum of the logarithms of a cell's values, by the middles of their buckets; -inf where one was not above zero. It is made of the histogram by the engine, so that neither
-- views nor the backfill know of it, and cells that are older than the column have it too. Reports read six weeks of it, and no map.
ALTER TABLE signal_1m ADD COLUMN IF NOT EXISTS sum_logs SimpleAggregateFunction(sum, Float64)
    MATERIALIZED if(histogram[toInt16(-32768)] > 0, -inf, log(1.02 / 0.98) * (arrayDotProduct(mapKeys(histogram), mapValues(histogram)) - arraySum(mapValues(histogram)) / 2));

ALTER TABLE signal_1h ADD COLUMN IF NOT EXISTS sum_logs SimpleAggregateFunction(sum, Float64)
    MATERIALIZED if(histogram[toInt16(-32768)] > 0, -inf, log(1.02 / 0.98) * (arrayDotProduct(mapKeys(histogram), mapValues(histogram)) - arraySum(mapValues(histogram)) / 2));

-- In the background: until a part is done its cells are read by their histograms.
ALTER TABLE signal_1m MATERIALIZE COLUMN sum_logs;

ALTER TABLE signal_1h MATERIALIZE COLUMN sum_logs;
