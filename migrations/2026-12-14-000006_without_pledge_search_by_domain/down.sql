CREATE INDEX CONCURRENTLY pledge_search_by_domain ON pledge_search (domain_tag, id) WHERE domain_tag IS NOT NULL;
