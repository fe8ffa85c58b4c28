CREATE INDEX CONCURRENTLY pledge_search_of_name ON pledge_search (name_tag, id) INCLUDE (chunk) WHERE name_tag IS NOT NULL;
