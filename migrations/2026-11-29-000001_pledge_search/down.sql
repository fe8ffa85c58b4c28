DROP TRIGGER searched_after_delete ON pledges;
DROP TRIGGER searched_after_update ON pledges;
DROP FUNCTION note_search_changes();
DROP TABLE search_changes, search_progress, search_counts, pledge_search, search_chunks;
DROP FUNCTION pledge_terms(text, text, text, uuid, uuid, smallint, integer);
