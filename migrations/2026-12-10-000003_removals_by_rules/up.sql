ALTER TABLE removal_counts ADD COLUMN by_rules bigint NOT NULL DEFAULT 0 CHECK (by_rules >= 0);
COMMENT ON COLUMN removal_counts.by_rules IS 'How many of them rules removed that the account has made: half of what it may remove at the most.';
