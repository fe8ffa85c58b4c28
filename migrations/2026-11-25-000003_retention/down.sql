DROP TABLE retention_runs;
DROP TABLE retention_progress;
DROP INDEX pledges_withdrawn;
ALTER TABLE pledges DROP CONSTRAINT pledges_state_check, DROP CONSTRAINT pledges_state_before_check;
ALTER TABLE pledges
    ADD CONSTRAINT pledges_state_check CHECK (state IN ('counted', 'removed')),
    ADD CONSTRAINT pledges_state_before_check CHECK (state_before IN ('counted'));
COMMENT ON COLUMN pledges.state IS 'counted or removed. In every counter exactly while counted.';
DROP TRIGGER closed_at ON campaigns;
DROP FUNCTION campaign_closed_at;
-- A campaign whose salt is destroyed can't go back.
ALTER TABLE campaigns
    DROP CONSTRAINT only_closed_without_salt, DROP CONSTRAINT salt_is_destroyed_once, DROP CONSTRAINT closed_has_a_time,
    DROP COLUMN salt_destroyed_at, DROP COLUMN erasure, DROP COLUMN record_days, DROP COLUMN review_days, DROP COLUMN closed_at,
    ALTER COLUMN salt SET NOT NULL;
COMMENT ON COLUMN campaigns.salt IS 'Random; enters the key of the campaign''s fingerprints.';
