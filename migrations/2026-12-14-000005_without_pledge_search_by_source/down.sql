CREATE INDEX CONCURRENTLY pledge_search_by_source ON pledge_search (source_tag, id) WHERE source_tag IS NOT NULL;
