DELETE FROM retention_runs WHERE what = 'held';
ALTER TABLE retention_runs
    DROP CONSTRAINT retention_runs_what_check,
    ADD CONSTRAINT retention_runs_what_check
        CHECK (what IN ('review_copies', 'keys', 'records', 'sessions', 'unconfirmed', 'mails', 'departures', 'trials'));
-- Somebody must have made them.
UPDATE removals SET moderator_id = (SELECT id FROM moderators ORDER BY created_at, id LIMIT 1) WHERE moderator_id IS NULL;
ALTER TABLE removals ALTER COLUMN moderator_id SET NOT NULL;
ALTER TABLE campaigns DROP COLUMN held_default;
