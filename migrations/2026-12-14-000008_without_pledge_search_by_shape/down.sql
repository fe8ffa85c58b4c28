CREATE INDEX CONCURRENTLY pledge_search_by_shape ON pledge_search (shape_tag, id) WHERE shape_tag IS NOT NULL;
