CREATE OR REPLACE FUNCTION note_search_changes() RETURNS trigger LANGUAGE plpgsql AS $$
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
