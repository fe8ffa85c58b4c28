ALTER TABLE campaigns DROP COLUMN fingerprint_key_id;
