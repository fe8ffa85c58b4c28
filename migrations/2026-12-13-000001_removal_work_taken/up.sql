ALTER TABLE removal_work ADD COLUMN taken_at timestamptz NOT NULL DEFAULT now();
UPDATE removal_work SET taken_at = began_at;
COMMENT ON COLUMN removal_work.taken_at IS 'When whoever it is for began it, or resumed it last. A removal pauses when that account is reset later.';
COMMENT ON COLUMN removals.paused_because IS 'Of a paused one: a moderator said so, the account has removed as many as it may (quota), or it was closed or reset or doesn''t see the campaign any more (account).';
