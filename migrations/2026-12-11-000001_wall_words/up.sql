-- What moderators find the wall's entries by: every word of what is shown. Rows of their own under btrees, because PostgreSQL never takes a
-- word out of an index over arrays again, and what was taken off the wall is not to stay readable.
CREATE TABLE wall_words (
    campaign_id uuid NOT NULL,
    word text NOT NULL CHECK (word <> '' AND char_length(word) <= 64),
    pledge_id uuid NOT NULL REFERENCES wall_entries ON DELETE CASCADE,
    PRIMARY KEY (campaign_id, word, pledge_id)
) WITH (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0);
CREATE INDEX wall_words_by_pledge ON wall_words (pledge_id);
COMMENT ON TABLE wall_words IS 'Words of what the public wall shows, each once an entry; gone with it.';
COMMENT ON COLUMN wall_words.campaign_id IS 'The campaign of the entry.';
COMMENT ON COLUMN wall_words.word IS 'In small letters, compatible forms joined; the first 64 letters. In scripts without spaces each letter and each pair of neighbours.';
COMMENT ON COLUMN wall_words.pledge_id IS 'Whose entry.';

-- What is shown already, without the finer points of other scripts; who is approved anew has them.
INSERT INTO wall_words (campaign_id, word, pledge_id)
SELECT DISTINCT campaign_id, left(word, 64), pledge_id
FROM wall_entries, regexp_split_to_table(lower(concat_ws(' ', name, message)), '[^[:alnum:]]+') AS word
WHERE state = 'shown' AND word <> '';
