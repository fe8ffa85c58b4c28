-- Where one campaign has nearly all pledges, statistics know no other, and PostgreSQL looks for those of a small one along the ids of
-- all: for seconds, among tens of millions. So it is told that there are more campaigns; it believes that with the next ANALYZE.
ALTER TABLE pledges ALTER COLUMN campaign_id SET (n_distinct = 100);
