DROP INDEX CONCURRENTLY IF EXISTS pledge_search_by_source;
