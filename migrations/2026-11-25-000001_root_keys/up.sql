-- Filled when the service starts: only it knows the ids of the root secrets.
ALTER TABLE campaigns ADD COLUMN fingerprint_key_id bytea CHECK (octet_length(fingerprint_key_id) = 4);
COMMENT ON COLUMN campaigns.fingerprint_key_id IS 'Id of the root secret that the campaign''s fingerprints and request digests come from; it stays for the life of the campaign. NULL: from before there were ids, until the service starts.';
