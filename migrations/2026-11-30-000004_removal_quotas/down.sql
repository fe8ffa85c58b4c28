DROP TABLE removal_counts;
ALTER TABLE moderators DROP COLUMN removals_per_day;
