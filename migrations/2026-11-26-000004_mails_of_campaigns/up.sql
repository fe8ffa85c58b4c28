COMMENT ON COLUMN mail_outbox.id IS 'UUIDv7. The Message-ID is a keyed hash of it, the same in every attempt.';

-- What was written before counts for no campaign; a week later nothing of it is left. An older instance that still runs writes such rows too.
ALTER TABLE mailbox_mails ADD COLUMN in_campaign uuid NOT NULL DEFAULT gen_random_uuid();
COMMENT ON TABLE mailbox_mails IS 'The mails of the last seven days, so that a mailbox gets five at the most, and one campaign can''t use up all of them.';
COMMENT ON COLUMN mailbox_mails.mail_id IS 'Keyed hash of the mail''s id, so that the row itself names no pledge.';
COMMENT ON COLUMN mailbox_mails.in_campaign IS 'Keyed hash of mailbox and campaign together: which campaign wrote can''t be seen, nor which mailboxes one campaign wrote to.';

-- Those among the removed ones that were never confirmed: there are few.
CREATE INDEX pledges_removed_awaiting ON pledges (campaign_id, id) WHERE state = 'removed' AND state_before = 'awaiting';
