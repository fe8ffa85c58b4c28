DROP INDEX pledges_removed_awaiting;
ALTER TABLE mailbox_mails DROP COLUMN in_campaign;
COMMENT ON TABLE mailbox_mails IS 'The mails of the last seven days, so that a mailbox gets five at the most.';
COMMENT ON COLUMN mailbox_mails.mail_id IS 'Keyed hash of the mail''s id: whose pledge it was about can''t be seen here.';
COMMENT ON COLUMN mail_outbox.id IS 'UUIDv7. Also the Message-ID, the same in every attempt.';
