DELETE FROM mail_outbox WHERE kind = 'alert';
ALTER TABLE mail_outbox DROP CONSTRAINT mail_outbox_kind_check;
ALTER TABLE mail_outbox
    ADD CONSTRAINT mail_outbox_kind_check CHECK (kind IN ('pledge', 'access', 'trial_mailbox')) NOT VALID;
COMMENT ON COLUMN mail_outbox.kind IS 'pledge (somebody pledged with this mailbox), access (somebody asked with this address to see their pledge) or trial_mailbox (mails of a partner''s trials are to go to this address).';
COMMENT ON COLUMN mail_outbox.fingerprint IS 'The fingerprint of the pledge that it is about; of trial_mailbox, the partner''s id.';
DROP TABLE cluster_alerts;
DROP TABLE alert_mailboxes;
