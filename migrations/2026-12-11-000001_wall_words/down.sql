ALTER TABLE wall_entries ALTER COLUMN name SET STATISTICS -1, ALTER COLUMN message SET STATISTICS -1;
CREATE OR REPLACE FUNCTION clear_wall() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    DELETE FROM wall_entries WHERE pledge_id IN (
        SELECT pledge_id FROM wall_entries WHERE campaign_id = NEW.id AND state = 'shown' ORDER BY pledge_id FOR UPDATE);
    RETURN NULL;
END
$$;
DROP TRIGGER forgets_wall_words ON wall_entries;
DROP FUNCTION forget_wall_words;
DROP TABLE wall_words;
