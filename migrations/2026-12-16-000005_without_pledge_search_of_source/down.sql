CREATE INDEX CONCURRENTLY pledge_search_of_source ON pledge_search (source_tag, id) INCLUDE (chunk) WHERE source_tag IS NOT NULL;
