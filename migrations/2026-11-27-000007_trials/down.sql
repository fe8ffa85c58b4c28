DELETE FROM mail_links USING campaigns WHERE campaigns.id = mail_links.campaign_id AND test_of IS NOT NULL;
DELETE FROM mail_outbox WHERE kind = 'trial_mailbox' OR campaign_id IN (SELECT id FROM campaigns WHERE test_of IS NOT NULL);
DELETE FROM departures USING campaigns WHERE campaigns.id = departures.campaign_id AND test_of IS NOT NULL;
DELETE FROM count_deltas USING campaigns WHERE campaigns.id = count_deltas.campaign_id AND test_of IS NOT NULL;
DELETE FROM pledges USING campaigns WHERE campaigns.id = pledges.campaign_id AND test_of IS NOT NULL;
DELETE FROM campaigns WHERE test_of IS NOT NULL;
ALTER TABLE campaigns DROP CONSTRAINT trials_are_never_public, DROP COLUMN test_of;
DELETE FROM retention_runs WHERE what = 'trials';
ALTER TABLE retention_runs
    DROP CONSTRAINT retention_runs_what_check,
    ADD CONSTRAINT retention_runs_what_check
        CHECK (what IN ('review_copies', 'keys', 'records', 'sessions', 'unconfirmed', 'mails', 'departures'));
COMMENT ON COLUMN retention_runs.what IS 'review_copies, keys (the salt and the keys of sealed records), records (all that is personal in a pledge), sessions, unconfirmed (pledges that were never confirmed), mails (which mailbox had a mail) or departures (former ids of pledges that were taken back).';
ALTER TABLE mail_outbox DROP CONSTRAINT mail_outbox_kind_check;
ALTER TABLE mail_outbox ADD CONSTRAINT mail_outbox_kind_check CHECK (kind IN ('pledge', 'access')) NOT VALID;
COMMENT ON COLUMN mail_outbox.kind IS 'pledge (somebody pledged with this mailbox) or access (somebody asked with this address to see their pledge).';
COMMENT ON COLUMN mail_outbox.fingerprint IS 'The fingerprint of the pledge that it is about.';
ALTER TABLE partners
    DROP CONSTRAINT a_trial_mailbox_was_asked,
    DROP COLUMN trial_mailbox,
    DROP COLUMN trial_mailbox_mail,
    DROP COLUMN trial_mailbox_asked_at,
    DROP COLUMN trial_mailbox_verified_at;
