-- Quiet moments also keep what the forecast said there, where a report would have used it: how often a service's own verdicts alarm without a release is then
-- told by the way that they are made.
ALTER TABLE nulls
    ADD COLUMN IF NOT EXISTS forecast_score Nullable(Float64) COMMENT 'signed normal score of the window by its forecast; null: a report would have used the model',
    ADD COLUMN IF NOT EXISTS forecast_error Nullable(Float64) COMMENT 'how far a change has to go to be seen with power 0.8 at 1 %, logarithm of the ratio; null: not on a log scale';
