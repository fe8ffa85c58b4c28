CREATE INDEX CONCURRENTLY pledge_search_of_domain_by_part ON pledge_search ((chunk >> 2), domain_tag, id) INCLUDE (chunk) WHERE domain_tag IS NOT NULL;
