ALTER TABLE search_rules
    DROP COLUMN untold,
    DROP COLUMN told_at;
COMMENT ON COLUMN search_rules.id IS 'UUIDv7. Nothing but hits and last_hit_at ever changes in a row.';
