-- No foreign key: it is written in the transaction of the pledge. And a row comes and goes within seconds, so what is dead is
-- cleaned up early: who looks for the next mail walks over it.
CREATE TABLE mail_outbox (
    id uuid PRIMARY KEY,
    campaign_id uuid NOT NULL,
    fingerprint uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('pledge', 'access')),
    language text,
    sealed bytea,
    attempts smallint NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL DEFAULT now(),
    failure text,
    dead_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT a_living_mail_has_an_address CHECK (sealed IS NOT NULL OR dead_at IS NOT NULL)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
CREATE INDEX mail_outbox_due ON mail_outbox (due_at) WHERE dead_at IS NULL;
-- Whoever is erased has no mail that waits.
CREATE INDEX mail_outbox_by_fingerprint ON mail_outbox (fingerprint);
COMMENT ON TABLE mail_outbox IS 'Mails that wait to be sent, and those that couldn''t be. A mail that the mail server has accepted is deleted.';
COMMENT ON COLUMN mail_outbox.id IS 'UUIDv7. Also the Message-ID, the same in every attempt.';
COMMENT ON COLUMN mail_outbox.campaign_id IS 'The campaign.';
COMMENT ON COLUMN mail_outbox.fingerprint IS 'The fingerprint of the pledge that it is about.';
COMMENT ON COLUMN mail_outbox.kind IS 'pledge (somebody pledged with this mailbox) or access (somebody asked with this address to see their pledge).';
COMMENT ON COLUMN mail_outbox.language IS 'The language to write in (BCP 47); NULL: the campaign''s.';
COMMENT ON COLUMN mail_outbox.sealed IS 'The address, sealed under a key of the server''s: a byte for the format, the id of the key, and what only this row opens. NULL: gone, 72 hours after created_at.';
COMMENT ON COLUMN mail_outbox.attempts IS 'How often it was taken to be sent.';
COMMENT ON COLUMN mail_outbox.due_at IS 'When it may be taken next (database clock). Whoever takes it moves this on, so that another one takes it when he has gone.';
COMMENT ON COLUMN mail_outbox.failure IS 'Why it was last not sent: a word of the service''s or smtp_ and a status code, never what the mail server wrote.';
COMMENT ON COLUMN mail_outbox.dead_at IS 'When it was given up; NULL: it wasn''t. Deleted seven days later.';
COMMENT ON COLUMN mail_outbox.created_at IS 'When it was put here (database clock).';
