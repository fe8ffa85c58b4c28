ALTER TABLE removals DROP COLUMN counted;
