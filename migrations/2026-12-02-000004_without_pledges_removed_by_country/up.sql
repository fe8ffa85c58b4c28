DROP INDEX CONCURRENTLY IF EXISTS pledges_removed_by_country;
