DROP INDEX CONCURRENTLY IF EXISTS pledge_search_of_shape;
