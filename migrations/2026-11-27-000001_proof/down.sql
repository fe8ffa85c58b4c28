ALTER TABLE campaigns DROP COLUMN proof;
