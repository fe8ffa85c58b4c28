ALTER TABLE search_rules
    ADD COLUMN untold jsonb,
    ADD COLUMN told_at timestamptz;
COMMENT ON COLUMN search_rules.id IS 'UUIDv7. Nothing but hits, last_hit_at, untold and told_at ever changes in a row.';
COMMENT ON COLUMN search_rules.untold IS 'What it has done that the audit log hasn''t been told; NULL: nothing. Told within about a minute, and at its end.';
COMMENT ON COLUMN search_rules.told_at IS 'When the audit log was last told; NULL: never.';
