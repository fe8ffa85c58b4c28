-- The place of a campaign's trials is a campaign of its own: another salt, so another domain of fingerprints, and totals that
-- nobody publishes. It never leaves the state draft.
ALTER TABLE campaigns ADD COLUMN test_of uuid UNIQUE REFERENCES campaigns ON DELETE CASCADE;
ALTER TABLE campaigns ADD CONSTRAINT trials_are_never_public CHECK (test_of IS NULL OR state = 'draft');
COMMENT ON COLUMN campaigns.test_of IS 'The campaign whose partners'' trials are here; NULL: this is no place of trials.';

ALTER TABLE partners
    ADD COLUMN trial_mailbox bytea,
    ADD COLUMN trial_mailbox_mail uuid UNIQUE,
    ADD COLUMN trial_mailbox_asked_at timestamptz,
    ADD COLUMN trial_mailbox_verified_at timestamptz,
    ADD CONSTRAINT a_trial_mailbox_was_asked CHECK ((trial_mailbox IS NULL) = (trial_mailbox_asked_at IS NULL)
        AND (trial_mailbox IS NULL) = (trial_mailbox_mail IS NULL)
        AND (trial_mailbox_verified_at IS NULL OR trial_mailbox IS NOT NULL));
COMMENT ON COLUMN partners.trial_mailbox IS 'The address that mails of its trials go to, sealed under a key of the server''s for this row; NULL: none.';
COMMENT ON COLUMN partners.trial_mailbox_mail IS 'The mail that asks its owner (UUIDv7); stands in the link by which he agrees.';
COMMENT ON COLUMN partners.trial_mailbox_asked_at IS 'When its owner was written to; the link is good for seven days.';
COMMENT ON COLUMN partners.trial_mailbox_verified_at IS 'When its owner agreed; NULL: nothing is sent there.';

ALTER TABLE mail_outbox DROP CONSTRAINT mail_outbox_kind_check;
ALTER TABLE mail_outbox
    ADD CONSTRAINT mail_outbox_kind_check CHECK (kind IN ('pledge', 'access', 'trial_mailbox')) NOT VALID;
COMMENT ON COLUMN mail_outbox.kind IS 'pledge (somebody pledged with this mailbox), access (somebody asked with this address to see their pledge) or trial_mailbox (mails of a partner''s trials are to go to this address).';
COMMENT ON COLUMN mail_outbox.fingerprint IS 'The fingerprint of the pledge that it is about; of trial_mailbox, the partner''s id.';

ALTER TABLE retention_runs
    DROP CONSTRAINT retention_runs_what_check,
    ADD CONSTRAINT retention_runs_what_check
        CHECK (what IN ('review_copies', 'keys', 'records', 'sessions', 'unconfirmed', 'mails', 'departures', 'trials'));
COMMENT ON COLUMN retention_runs.what IS 'review_copies, keys (the salt and the keys of sealed records), records (all that is personal in a pledge), sessions, unconfirmed (pledges that were never confirmed), mails (which mailbox had a mail), departures (former ids of pledges that were taken back) or trials (pledges with a partner''s key for trials).';

-- Campaigns that have partners already.
INSERT INTO campaigns (id, slug, state, default_language, texts, name_field, email_field, message_field, consents, threshold,
        mailbox_rules, salt, fingerprint_key_id, publish_every_ms, review_days, record_days, erasure, confirmation, proof, hold_at, test_of)
    SELECT made.id, 'test-' || replace(made.id::text, '-', ''), 'draft', default_language, '{}', name_field, email_field,
        message_field, '[]', threshold, mailbox_rules, uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()),
        fingerprint_key_id, publish_every_ms, review_days, record_days, erasure, confirmation, proof, hold_at, campaigns.id
    FROM campaigns, LATERAL (SELECT gen_random_uuid() AS id WHERE campaigns.id IS NOT NULL) AS made
    WHERE salt IS NOT NULL AND EXISTS (SELECT FROM partners WHERE campaign_id = campaigns.id);
INSERT INTO campaign_totals (campaign_id) SELECT id FROM campaigns WHERE test_of IS NOT NULL;
