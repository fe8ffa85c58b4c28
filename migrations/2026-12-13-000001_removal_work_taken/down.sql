COMMENT ON COLUMN removals.paused_because IS 'Of a paused one: a moderator said so, the account has removed as many as it may (quota), or it was closed (account).';
ALTER TABLE removal_work DROP COLUMN taken_at;
