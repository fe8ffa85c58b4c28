-- What moderators find the wall's entries by: every word of what is shown, as a keyed tag. Rows of their own, so that they go with the entry;
-- and tags, because PostgreSQL keeps what was deleted in indexes and statistics. Nothing that was approved before has any: no release
-- had a wall.
CREATE TABLE wall_words (
    campaign_id uuid NOT NULL,
    word bigint NOT NULL,
    pledge_id uuid NOT NULL REFERENCES wall_entries ON DELETE CASCADE,
    PRIMARY KEY (campaign_id, word, pledge_id)
);
CREATE INDEX wall_words_by_pledge ON wall_words (pledge_id);
COMMENT ON TABLE wall_words IS 'Words of what the public wall shows, each once an entry; gone with it.';
COMMENT ON COLUMN wall_words.campaign_id IS 'The campaign of the entry.';
COMMENT ON COLUMN wall_words.word IS 'Keyed tag of the word: in small letters, compatible forms joined, the first 64 letters. In scripts without spaces of each letter and each pair of neighbours.';
COMMENT ON COLUMN wall_words.pledge_id IS 'Whose entry.';

-- Whoever takes an entry off, in whatever way.
CREATE FUNCTION forget_wall_words() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    DELETE FROM wall_words WHERE pledge_id = OLD.pledge_id;
    RETURN NULL;
END
$$;
CREATE TRIGGER forgets_wall_words AFTER UPDATE ON wall_entries FOR EACH ROW WHEN (OLD.state = 'shown' AND NEW.state <> 'shown')
    EXECUTE FUNCTION forget_wall_words();

-- All words at once, so that each entry has none left to look for.
CREATE OR REPLACE FUNCTION clear_wall() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM FROM wall_entries WHERE campaign_id = NEW.id AND state = 'shown' ORDER BY pledge_id FOR UPDATE;
    DELETE FROM wall_words WHERE campaign_id = NEW.id;
    DELETE FROM wall_entries WHERE campaign_id = NEW.id AND state = 'shown';
    RETURN NULL;
END
$$;

-- Statistics would keep some names and messages readable for longer than they are shown.
ALTER TABLE wall_entries ALTER COLUMN name SET STATISTICS 0, ALTER COLUMN message SET STATISTICS 0;
