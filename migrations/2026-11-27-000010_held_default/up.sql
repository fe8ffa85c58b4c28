ALTER TABLE campaigns
    ADD COLUMN held_default text NOT NULL DEFAULT 'remove' CHECK (held_default IN ('count', 'remove'));
COMMENT ON COLUMN campaigns.held_default IS 'What becomes of a pledge that is still held when its review window ends: count (it counts) or remove (it is removed, which can be undone).';

ALTER TABLE removals ALTER COLUMN moderator_id DROP NOT NULL;
COMMENT ON COLUMN removals.moderator_id IS 'Who removed; NULL: the service, by the campaign''s held_default.';

ALTER TABLE retention_runs
    DROP CONSTRAINT retention_runs_what_check,
    ADD CONSTRAINT retention_runs_what_check
        CHECK (what IN ('review_copies', 'keys', 'records', 'sessions', 'unconfirmed', 'mails', 'departures', 'trials', 'held'));
COMMENT ON COLUMN retention_runs.what IS 'review_copies, keys (the salt and the keys of sealed records), records (all that is personal in a pledge), sessions, unconfirmed (pledges that were never confirmed), mails (which mailbox had a mail), departures (former ids of pledges that were taken back), trials (pledges with a partner''s key for trials) or held (pledges that were held until their review window ended, and got the campaign''s held_default).';
COMMENT ON COLUMN retention_runs.changed IS 'How many rows were cleared, deleted or settled.';
