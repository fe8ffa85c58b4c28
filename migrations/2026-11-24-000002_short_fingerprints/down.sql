-- The other half of the fingerprints is gone: with pledges there is no way back but a backup.
DO $$ BEGIN
  IF EXISTS (SELECT FROM pledges) THEN
    RAISE EXCEPTION 'the fingerprints of stored pledges cannot be made longer again';
  END IF;
END $$;
ALTER TABLE pledges DROP CONSTRAINT one_pledge_per_mailbox;
ALTER TABLE pledges ALTER COLUMN fingerprint TYPE bytea USING NULL::bytea;
ALTER TABLE pledges ADD CONSTRAINT pledges_fingerprint_check CHECK (octet_length(fingerprint) = 32);
ALTER TABLE pledges ADD CONSTRAINT one_pledge_per_mailbox UNIQUE (campaign_id, fingerprint);
COMMENT ON COLUMN pledges.fingerprint IS 'HMAC-SHA-256 of the mailbox under the campaign''s key; without a mailbox, of the idempotency key, or random.';
