DROP FUNCTION take_in_search_terms();
ALTER INDEX pledge_search_terms SET (fastupdate = off);
SELECT gin_clean_pending_list('pledge_search_terms'::regclass);
