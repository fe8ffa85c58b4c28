ALTER TABLE exports DROP COLUMN completed_at;
