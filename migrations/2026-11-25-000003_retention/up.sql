ALTER TABLE campaigns
    ADD COLUMN closed_at timestamptz,
    ADD COLUMN review_days integer NOT NULL DEFAULT 30 CHECK (review_days BETWEEN 1 AND 3650),
    ADD COLUMN record_days integer NOT NULL DEFAULT 30 CHECK (record_days BETWEEN 1 AND 3650),
    ADD COLUMN erasure text NOT NULL DEFAULT 'withdraw' CHECK (erasure IN ('keep', 'withdraw')),
    ADD COLUMN salt_destroyed_at timestamptz,
    ALTER COLUMN salt DROP NOT NULL;
-- When the others were closed nobody knows: their time begins now.
UPDATE campaigns SET closed_at = now() WHERE state = 'closed';
ALTER TABLE campaigns
    ADD CONSTRAINT closed_has_a_time CHECK ((state = 'closed') = (closed_at IS NOT NULL)),
    ADD CONSTRAINT salt_is_destroyed_once CHECK ((salt IS NULL) = (salt_destroyed_at IS NOT NULL)),
    ADD CONSTRAINT only_closed_without_salt CHECK (salt IS NOT NULL OR state = 'closed');
COMMENT ON COLUMN campaigns.salt IS 'Random; enters the key of the campaign''s fingerprints. NULL: destroyed, because its retention has ended.';
COMMENT ON COLUMN campaigns.closed_at IS 'When it was closed (database clock); NULL: it isn''t.';
COMMENT ON COLUMN campaigns.review_days IS 'Days after which the review copy of a pledge is cleared.';
COMMENT ON COLUMN campaigns.record_days IS 'Days after closing at which everything personal is cleared and the salt destroyed.';
COMMENT ON COLUMN campaigns.erasure IS 'What becomes of the count when somebody is erased: keep (still counted, without the person) or withdraw.';
COMMENT ON COLUMN campaigns.salt_destroyed_at IS 'When its retention ended and the salt was destroyed; NULL: not yet.';

-- Whoever changes the state, also the release before, sets the time with it.
CREATE FUNCTION campaign_closed_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.closed_at := CASE WHEN NEW.state = 'closed' THEN coalesce(NEW.closed_at, now()) END;
    RETURN NEW;
END
$$;
CREATE TRIGGER closed_at BEFORE INSERT OR UPDATE OF state ON campaigns
    FOR EACH ROW EXECUTE FUNCTION campaign_closed_at();

-- Not checked again for the rows that are there: they satisfied narrower rules.
ALTER TABLE pledges
    DROP CONSTRAINT pledges_state_check,
    DROP CONSTRAINT pledges_state_before_check;
ALTER TABLE pledges
    ADD CONSTRAINT pledges_state_check CHECK (state IN ('counted', 'removed', 'withdrawn')) NOT VALID,
    ADD CONSTRAINT pledges_state_before_check CHECK (state_before IN ('counted', 'withdrawn')) NOT VALID;
-- Few, as the removed ones are; counting the counted ones leaves both out.
CREATE INDEX pledges_withdrawn ON pledges (campaign_id, id) WHERE state = 'withdrawn';
COMMENT ON COLUMN pledges.state IS 'counted, removed or withdrawn. In every counter exactly while counted.';

CREATE TABLE retention_progress (
    campaign_id uuid PRIMARY KEY REFERENCES campaigns ON DELETE CASCADE,
    looked_at timestamptz,
    review_from uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    records_from uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    cleared_at timestamptz,
    vacuumed_at timestamptz
);
COMMENT ON TABLE retention_progress IS 'How far the retention job is with a campaign, so that it doesn''t walk over all rows each time.';
COMMENT ON COLUMN retention_progress.campaign_id IS 'The campaign.';
COMMENT ON COLUMN retention_progress.looked_at IS 'When all its limits were last looked after, whether or not something was due (database clock).';
COMMENT ON COLUMN retention_progress.review_from IS 'No pledge with a smaller id has a review copy left.';
COMMENT ON COLUMN retention_progress.records_from IS 'No pledge with a smaller id has anything personal left; of a campaign whose retention has ended.';
COMMENT ON COLUMN retention_progress.vacuumed_at IS 'What was cleared or erased before this moment is in no dead row of the pledges any more; NULL: unknown.';
COMMENT ON COLUMN retention_progress.cleared_at IS 'When the last pledge of a campaign whose retention has ended was cleared; NULL: not yet.';

CREATE TABLE retention_runs (
    id uuid PRIMARY KEY,
    campaign_id uuid REFERENCES campaigns ON DELETE CASCADE,
    what text NOT NULL CHECK (what IN ('review_copies', 'keys', 'records', 'sessions')),
    changed bigint NOT NULL CHECK (changed > 0),
    began_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX retention_runs_by_campaign ON retention_runs (campaign_id, id);
COMMENT ON TABLE retention_runs IS 'The proof of retention: what was cleared when. Counts only. Runs with nothing to do leave retention_progress.looked_at.';
COMMENT ON COLUMN retention_runs.id IS 'UUIDv7.';
COMMENT ON COLUMN retention_runs.campaign_id IS 'The campaign; NULL: none.';
COMMENT ON COLUMN retention_runs.what IS 'review_copies, keys (the salt and the keys of sealed records), records (all that is personal in a pledge) or sessions.';
COMMENT ON COLUMN retention_runs.changed IS 'How many rows were cleared or deleted.';
COMMENT ON COLUMN retention_runs.began_at IS 'When the first of them was (database clock).';
COMMENT ON COLUMN retention_runs.ended_at IS 'When the last of them was.';
