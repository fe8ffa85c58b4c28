CREATE INDEX CONCURRENTLY pledge_search_of_domain ON pledge_search (domain_tag, id) INCLUDE (chunk) WHERE domain_tag IS NOT NULL;
