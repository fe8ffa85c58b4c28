-- What a pledge can be found by, as numbers: a hash of each value under the number of its kind (src/moderation/search/terms.rs has
-- the same numbers). Pairs that are often asked for together are terms of their own, so that a pair that hardly ever meets is found,
-- or not found, as fast as one term. One expression without a subquery: PostgreSQL puts it in place, and it costs 3 µs.
CREATE FUNCTION pledge_terms(country text, state text, language text, partner uuid, removal uuid, score smallint, signals integer)
RETURNS bigint[] LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN array_remove(ARRAY[
    hashtextextended('', 0),
    hashtextextended(country, 1),
    hashtextextended(state, 2),
    hashtextextended(language, 3),
    hashtextextended(partner::text, 4),
    hashtextextended(removal::text, 5),
    hashtextextended(country || state, 8),
    hashtextextended(country || language, 9),
    hashtextextended(country || partner::text, 10),
    hashtextextended(state || partner::text, 11),
    CASE WHEN score >= 1 THEN hashtextextended('1', 7) END,
    CASE WHEN score >= 1 THEN hashtextextended(country || '1', 12) END,
    CASE WHEN score >= 20 THEN hashtextextended('20', 7) END,
    CASE WHEN score >= 20 THEN hashtextextended(country || '20', 12) END,
    CASE WHEN score >= 50 THEN hashtextextended('50', 7) END,
    CASE WHEN score >= 50 THEN hashtextextended(country || '50', 12) END,
    CASE WHEN score >= 75 THEN hashtextextended('75', 7) END,
    CASE WHEN score >= 75 THEN hashtextextended(country || '75', 12) END,
    CASE WHEN score >= 100 THEN hashtextextended('100', 7) END,
    CASE WHEN score >= 100 THEN hashtextextended(country || '100', 12) END,
    CASE WHEN score >= 150 THEN hashtextextended('150', 7) END,
    CASE WHEN score >= 150 THEN hashtextextended(country || '150', 12) END,
    CASE WHEN score >= 200 THEN hashtextextended('200', 7) END,
    CASE WHEN score >= 200 THEN hashtextextended(country || '200', 12) END,
    CASE WHEN score >= 300 THEN hashtextextended('300', 7) END,
    CASE WHEN score >= 300 THEN hashtextextended(country || '300', 12) END,
    CASE WHEN score >= 500 THEN hashtextextended('500', 7) END,
    CASE WHEN score >= 500 THEN hashtextextended(country || '500', 12) END,
    CASE WHEN score >= 700 THEN hashtextextended('700', 7) END,
    CASE WHEN score >= 700 THEN hashtextextended(country || '700', 12) END,
    CASE WHEN signals & 1 <> 0 THEN hashtextextended('0', 6) END,
    CASE WHEN signals & 1 <> 0 THEN hashtextextended(state || '0', 13) END,
    CASE WHEN signals & 2 <> 0 THEN hashtextextended('1', 6) END,
    CASE WHEN signals & 2 <> 0 THEN hashtextextended(state || '1', 13) END,
    CASE WHEN signals & 4 <> 0 THEN hashtextextended('2', 6) END,
    CASE WHEN signals & 4 <> 0 THEN hashtextextended(state || '2', 13) END,
    CASE WHEN signals & 8 <> 0 THEN hashtextextended('3', 6) END,
    CASE WHEN signals & 8 <> 0 THEN hashtextextended(state || '3', 13) END,
    CASE WHEN signals & 16 <> 0 THEN hashtextextended('4', 6) END,
    CASE WHEN signals & 16 <> 0 THEN hashtextextended(state || '4', 13) END,
    CASE WHEN signals & 32 <> 0 THEN hashtextextended('5', 6) END,
    CASE WHEN signals & 32 <> 0 THEN hashtextextended(state || '5', 13) END,
    CASE WHEN signals & 64 <> 0 THEN hashtextextended('6', 6) END,
    CASE WHEN signals & 64 <> 0 THEN hashtextextended(state || '6', 13) END,
    CASE WHEN signals & 128 <> 0 THEN hashtextextended('7', 6) END,
    CASE WHEN signals & 128 <> 0 THEN hashtextextended(state || '7', 13) END,
    CASE WHEN signals & 256 <> 0 THEN hashtextextended('8', 6) END,
    CASE WHEN signals & 256 <> 0 THEN hashtextextended(state || '8', 13) END,
    CASE WHEN signals & 512 <> 0 THEN hashtextextended('9', 6) END,
    CASE WHEN signals & 512 <> 0 THEN hashtextextended(state || '9', 13) END,
    CASE WHEN signals & 1024 <> 0 THEN hashtextextended('10', 6) END,
    CASE WHEN signals & 1024 <> 0 THEN hashtextextended(state || '10', 13) END,
    CASE WHEN signals & 2048 <> 0 THEN hashtextextended('11', 6) END,
    CASE WHEN signals & 2048 <> 0 THEN hashtextextended(state || '11', 13) END,
    CASE WHEN signals & 4096 <> 0 THEN hashtextextended('12', 6) END,
    CASE WHEN signals & 4096 <> 0 THEN hashtextextended(state || '12', 13) END,
    CASE WHEN signals & 8192 <> 0 THEN hashtextextended('13', 6) END,
    CASE WHEN signals & 8192 <> 0 THEN hashtextextended(state || '13', 13) END,
    CASE WHEN signals & 16384 <> 0 THEN hashtextextended('14', 6) END,
    CASE WHEN signals & 16384 <> 0 THEN hashtextextended(state || '14', 13) END,
    CASE WHEN signals & 32768 <> 0 THEN hashtextextended('15', 6) END,
    CASE WHEN signals & 32768 <> 0 THEN hashtextextended(state || '15', 13) END,
    CASE WHEN signals & 65536 <> 0 THEN hashtextextended('16', 6) END,
    CASE WHEN signals & 65536 <> 0 THEN hashtextextended(state || '16', 13) END,
    CASE WHEN signals & 131072 <> 0 THEN hashtextextended('17', 6) END,
    CASE WHEN signals & 131072 <> 0 THEN hashtextextended(state || '17', 13) END,
    CASE WHEN signals & 262144 <> 0 THEN hashtextextended('18', 6) END,
    CASE WHEN signals & 262144 <> 0 THEN hashtextextended(state || '18', 13) END,
    CASE WHEN signals & 524288 <> 0 THEN hashtextextended('19', 6) END,
    CASE WHEN signals & 524288 <> 0 THEN hashtextextended(state || '19', 13) END,
    CASE WHEN signals & 1048576 <> 0 THEN hashtextextended('20', 6) END,
    CASE WHEN signals & 1048576 <> 0 THEN hashtextextended(state || '20', 13) END,
    CASE WHEN signals & 2097152 <> 0 THEN hashtextextended('21', 6) END,
    CASE WHEN signals & 2097152 <> 0 THEN hashtextextended(state || '21', 13) END,
    CASE WHEN signals & 4194304 <> 0 THEN hashtextextended('22', 6) END,
    CASE WHEN signals & 4194304 <> 0 THEN hashtextextended(state || '22', 13) END,
    CASE WHEN signals & 8388608 <> 0 THEN hashtextextended('23', 6) END,
    CASE WHEN signals & 8388608 <> 0 THEN hashtextextended(state || '23', 13) END,
    CASE WHEN signals & 16777216 <> 0 THEN hashtextextended('24', 6) END,
    CASE WHEN signals & 16777216 <> 0 THEN hashtextextended(state || '24', 13) END,
    CASE WHEN signals & 33554432 <> 0 THEN hashtextextended('25', 6) END,
    CASE WHEN signals & 33554432 <> 0 THEN hashtextextended(state || '25', 13) END,
    CASE WHEN signals & 67108864 <> 0 THEN hashtextextended('26', 6) END,
    CASE WHEN signals & 67108864 <> 0 THEN hashtextextended(state || '26', 13) END,
    CASE WHEN signals & 134217728 <> 0 THEN hashtextextended('27', 6) END,
    CASE WHEN signals & 134217728 <> 0 THEN hashtextextended(state || '27', 13) END,
    CASE WHEN signals & 268435456 <> 0 THEN hashtextextended('28', 6) END,
    CASE WHEN signals & 268435456 <> 0 THEN hashtextextended(state || '28', 13) END,
    CASE WHEN signals & 536870912 <> 0 THEN hashtextextended('29', 6) END,
    CASE WHEN signals & 536870912 <> 0 THEN hashtextextended(state || '29', 13) END,
    CASE WHEN signals & 1073741824 <> 0 THEN hashtextextended('30', 6) END,
    CASE WHEN signals & 1073741824 <> 0 THEN hashtextextended(state || '30', 13) END,
    CASE WHEN signals & (-2147483648) <> 0 THEN hashtextextended('31', 6) END,
    CASE WHEN signals & (-2147483648) <> 0 THEN hashtextextended(state || '31', 13) END
], NULL);

-- No foreign keys: it is emptied by what happens to pledges, as everything else in it.
CREATE TABLE search_chunks (
    number bigint PRIMARY KEY,
    campaign_id uuid NOT NULL,
    first_id uuid NOT NULL,
    UNIQUE (campaign_id, first_id)
);
COMMENT ON TABLE search_chunks IS 'Pieces of a campaign''s pledges by id, about 65,536 each; later ones have greater numbers.';
COMMENT ON COLUMN search_chunks.number IS 'Grows.';
COMMENT ON COLUMN search_chunks.campaign_id IS 'The campaign.';
COMMENT ON COLUMN search_chunks.first_id IS 'Ids from here on, up to the next chunk''s, belong to it. The first one''s is zero.';

CREATE TABLE pledge_search (
    chunk bigint NOT NULL,
    id uuid NOT NULL,
    at timestamptz NOT NULL,
    source_tag bigint,
    domain_tag bigint,
    name_tag bigint,
    shape_tag bigint,
    score smallint NOT NULL,
    terms bigint[] NOT NULL,
    PRIMARY KEY (chunk, id)
) WITH (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.05);
-- Without a list of what isn't in the index yet: each look would read it from end to end.
CREATE INDEX pledge_search_terms ON pledge_search USING gin (terms) WITH (fastupdate = off);
CREATE INDEX pledge_search_by_source ON pledge_search (source_tag, id) WHERE source_tag IS NOT NULL;
CREATE INDEX pledge_search_by_domain ON pledge_search (domain_tag, id) WHERE domain_tag IS NOT NULL;
CREATE INDEX pledge_search_by_name ON pledge_search (name_tag, id) WHERE name_tag IS NOT NULL;
CREATE INDEX pledge_search_by_shape ON pledge_search (shape_tag, id) WHERE shape_tag IS NOT NULL;
COMMENT ON TABLE pledge_search IS 'What moderators search by, a row a pledge, filled just behind ingest.';
COMMENT ON COLUMN pledge_search.chunk IS 'The chunk that its id belongs to.';
COMMENT ON COLUMN pledge_search.id IS 'The pledge.';
COMMENT ON COLUMN pledge_search.at IS 'pledges.created_at.';
COMMENT ON COLUMN pledge_search.source_tag IS 'pledges.source_tag; goes with it.';
COMMENT ON COLUMN pledge_search.domain_tag IS 'pledges.domain_tag; goes with it.';
COMMENT ON COLUMN pledge_search.name_tag IS 'pledges.name_tag; goes with it.';
COMMENT ON COLUMN pledge_search.shape_tag IS 'pledges.shape_tag; goes with it.';
COMMENT ON COLUMN pledge_search.score IS 'pledges.score.';
COMMENT ON COLUMN pledge_search.terms IS 'pledge_terms of the pledge, and the negative number of its chunk.';

CREATE TABLE search_counts (
    term bigint NOT NULL,
    chunk bigint NOT NULL,
    pledges bigint NOT NULL,
    PRIMARY KEY (term, chunk)
) WITH (fillfactor = 80);
COMMENT ON TABLE search_counts IS 'How many rows of pledge_search have a term, by chunk; written in the transaction that changes them.';
COMMENT ON COLUMN search_counts.term IS 'The term.';
COMMENT ON COLUMN search_counts.chunk IS 'The chunk.';
COMMENT ON COLUMN search_counts.pledges IS 'How many.';

CREATE TABLE search_progress (
    campaign_id uuid PRIMARY KEY,
    seen uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    swept uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000'
);
COMMENT ON TABLE search_progress IS 'How far pledge_search has been filled.';
COMMENT ON COLUMN search_progress.campaign_id IS 'The campaign.';
COMMENT ON COLUMN search_progress.seen IS 'Pledges up to this id have been taken, but for those that were committed late.';
COMMENT ON COLUMN search_progress.swept IS 'Up to this id it was looked for those too.';

CREATE TABLE search_changes (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    campaign_id uuid NOT NULL,
    pledge_id uuid NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000);
COMMENT ON TABLE search_changes IS 'Pledges that were changed or deleted, until pledge_search has followed: seconds.';
COMMENT ON COLUMN search_changes.number IS 'Grows, nearly in the order of the changes.';
COMMENT ON COLUMN search_changes.campaign_id IS 'The campaign.';
COMMENT ON COLUMN search_changes.pledge_id IS 'The id that it has or had.';
COMMENT ON COLUMN search_changes.at IS 'When it was changed (database clock).';

-- Whoever changes pledges, in whatever way, is noted in the same transaction: none can be forgotten. Pledges that come are not: the
-- way of a new one pays for nothing, and the filler finds it by its id.
CREATE FUNCTION note_search_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        INSERT INTO search_changes (campaign_id, pledge_id)
            SELECT campaign_id, id FROM before UNION SELECT campaign_id, id FROM after;
    ELSE
        INSERT INTO search_changes (campaign_id, pledge_id) SELECT campaign_id, id FROM before;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER searched_after_update AFTER UPDATE ON pledges REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION note_search_changes();
CREATE TRIGGER searched_after_delete AFTER DELETE ON pledges REFERENCING OLD TABLE AS before
    FOR EACH STATEMENT EXECUTE FUNCTION note_search_changes();
