CREATE TABLE source_tag_keys (
    day date PRIMARY KEY,
    sealed bytea NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE source_tag_keys IS 'Keys of pledges.source_tag, one a day, the same for all instances. Gone an hour after the day; the table is then written anew.';
COMMENT ON COLUMN source_tag_keys.day IS 'The day (UTC) whose pledges are tagged with it.';
COMMENT ON COLUMN source_tag_keys.sealed IS 'The key, sealed under a key of the root secret.';
COMMENT ON COLUMN source_tag_keys.made_at IS 'When it was made (database clock).';
