ALTER TABLE removal_counts DROP COLUMN by_rules;
