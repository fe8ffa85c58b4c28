-- A common term has hundreds of thousands of rows, and each row that is added alone to such a list costs what a hundred cost at once.
-- So rows wait in the index's own list, and whoever adds them takes it in before the transaction ends: nobody else finds it filled.
ALTER INDEX pledge_search_terms SET (fastupdate = on);

-- Whoever owns the index may, and the service only by this function.
CREATE FUNCTION take_in_search_terms() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public AS
    $$ SELECT gin_clean_pending_list('pledge_search_terms'::regclass) $$;
