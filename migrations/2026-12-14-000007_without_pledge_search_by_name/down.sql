CREATE INDEX CONCURRENTLY pledge_search_by_name ON pledge_search (name_tag, id) WHERE name_tag IS NOT NULL;
