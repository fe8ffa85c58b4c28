CREATE INDEX CONCURRENTLY pledge_search_of_shape ON pledge_search (shape_tag, id) INCLUDE (chunk) WHERE shape_tag IS NOT NULL;
