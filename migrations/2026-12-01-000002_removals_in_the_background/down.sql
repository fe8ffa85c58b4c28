DROP TABLE removal_work;
DELETE FROM removals WHERE pledges = 0;
ALTER TABLE removals
    DROP CONSTRAINT paused_has_a_cause,
    DROP CONSTRAINT removals_pledges_check,
    ADD CONSTRAINT removals_pledges_check CHECK (pledges > 0),
    DROP COLUMN last_at,
    DROP COLUMN counted_back,
    DROP COLUMN put_back,
    DROP COLUMN expected,
    DROP COLUMN paused_because,
    DROP COLUMN state;
