ALTER TABLE exports ADD COLUMN completed_at timestamptz;
COMMENT ON COLUMN exports.completed_at IS 'When its last byte was handed over (database clock); NULL: under way or cut off, and the next one goes back further.';
