-- Fingerprints of 16 bytes instead of 32, and unique by themselves: the campaign's salt is in their key, so no two campaigns
-- share one. The unique index is the only one that is written at random, and the largest; this takes it from 96 bytes a
-- pledge to 40.
ALTER TABLE pledges DROP CONSTRAINT one_pledge_per_mailbox;
ALTER TABLE pledges DROP CONSTRAINT pledges_fingerprint_check;
ALTER TABLE pledges ALTER COLUMN fingerprint TYPE uuid USING encode(substring(fingerprint FOR 16), 'hex')::uuid;
ALTER TABLE pledges ADD CONSTRAINT one_pledge_per_mailbox UNIQUE (fingerprint);
COMMENT ON COLUMN pledges.fingerprint IS 'The first 128 bits of the HMAC-SHA-256 of the mailbox under the campaign''s key; without a mailbox, of the idempotency key, or random.';
