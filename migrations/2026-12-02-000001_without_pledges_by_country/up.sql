-- Moderators search pledge_search: what they look for costs a new pledge nothing any more.
DROP INDEX CONCURRENTLY IF EXISTS pledges_by_country;
