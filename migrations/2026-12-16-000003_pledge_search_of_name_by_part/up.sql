CREATE INDEX CONCURRENTLY pledge_search_of_name_by_part ON pledge_search ((chunk >> 2), name_tag, id) INCLUDE (chunk) WHERE name_tag IS NOT NULL;
