DROP INDEX CONCURRENTLY IF EXISTS pledges_by_country_and_language;
