ALTER TABLE retention_runs
    DROP CONSTRAINT retention_runs_what_check,
    ADD CONSTRAINT retention_runs_what_check
        CHECK (what IN ('review_copies', 'keys', 'records', 'sessions', 'unconfirmed', 'mails', 'departures', 'trials', 'held', 'trial_mailboxes'));
COMMENT ON COLUMN retention_runs.what IS 'review_copies, keys (the salt and the keys of sealed records), records (all that is personal in a pledge), sessions, unconfirmed (pledges that were never confirmed), mails (which mailbox had a mail), departures (former ids of pledges that were taken back), trials (pledges with a partner''s key for trials), held (pledges that were held until their review window ended, and got the campaign''s held_default) or trial_mailboxes (addresses for mails of a partner''s trials).';
COMMENT ON COLUMN partners.trial_mailbox IS 'The address that mails of its trials go to, sealed under a key of the server''s for this row; NULL: none. Cleared when its owner hasn''t agreed in seven days, and when the campaign''s retention ends.';
