CREATE INDEX CONCURRENTLY pledge_search_of_source_by_part ON pledge_search ((chunk >> 2), source_tag, id) INCLUDE (chunk) WHERE source_tag IS NOT NULL;
