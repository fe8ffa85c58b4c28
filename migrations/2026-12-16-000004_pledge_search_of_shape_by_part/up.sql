CREATE INDEX CONCURRENTLY pledge_search_of_shape_by_part ON pledge_search ((chunk >> 2), shape_tag, id) INCLUDE (chunk) WHERE shape_tag IS NOT NULL;
