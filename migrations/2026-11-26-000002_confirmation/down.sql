-- Who said "this wasn't me" is known by suppressed_at alone, and would get mails again. Whoever wants that all the same sets it to
-- NULL first.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pledges WHERE suppressed_at IS NOT NULL) THEN
        RAISE EXCEPTION 'mailboxes that want no mail would be forgotten: this migration can''t be taken back';
    END IF;
END
$$;
DELETE FROM retention_runs WHERE what IN ('unconfirmed', 'mails', 'departures');
ALTER TABLE retention_runs
    DROP CONSTRAINT retention_runs_what_check,
    ADD CONSTRAINT retention_runs_what_check CHECK (what IN ('review_copies', 'keys', 'records', 'sessions'));
COMMENT ON COLUMN retention_runs.what IS 'review_copies, keys (the salt and the keys of sealed records), records (all that is personal in a pledge) or sessions.';
DROP TABLE mailbox_mails;
DROP TABLE mail_links;
ALTER TABLE campaign_totals DROP COLUMN confirmed;
ALTER TABLE count_deltas DROP COLUMN confirmed;
DROP TRIGGER departed ON pledges;
DROP FUNCTION pledge_departed;
DROP TABLE departures;
-- What was never confirmed was never counted.
DELETE FROM pledges WHERE state = 'awaiting';
UPDATE pledges SET state_before = 'withdrawn' WHERE state_before = 'awaiting';
ALTER TABLE pledges
    DROP CONSTRAINT confirmed_has_a_time,
    DROP CONSTRAINT pledges_state_check,
    DROP CONSTRAINT pledges_state_before_check,
    DROP COLUMN confirmed_at,
    DROP COLUMN withdrawn_at,
    DROP COLUMN suppressed_at;
ALTER TABLE pledges
    ADD CONSTRAINT pledges_state_check CHECK (state IN ('counted', 'removed', 'withdrawn')) NOT VALID,
    ADD CONSTRAINT pledges_state_before_check CHECK (state_before IN ('counted', 'withdrawn')) NOT VALID;
COMMENT ON COLUMN pledges.state IS 'counted, removed or withdrawn. In every counter exactly while counted.';
COMMENT ON COLUMN pledges.counted_at IS 'When it first became counted (database clock); kept through removal and undo.';
ALTER TABLE campaigns DROP COLUMN confirmation, DROP COLUMN mail_texts;
