-- The public wall: names and messages that supporters wanted to be shown and that a moderator has looked at.

-- Pledges first, as whoever writes has them; let go again when somebody has one and is long about it (a dump, a vacuum), so that nobody
-- waits behind this.
DO $$
BEGIN
    SET LOCAL lock_timeout = '500ms';
    FOR attempt IN 1..80 LOOP
        BEGIN
            LOCK TABLE pledges IN SHARE ROW EXCLUSIVE MODE;
            LOCK TABLE moderators IN SHARE ROW EXCLUSIVE MODE;
            LOCK TABLE campaigns IN ACCESS EXCLUSIVE MODE;
            EXIT;
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            IF attempt = 80 THEN
                RAISE;
            END IF;
            PERFORM pg_sleep(1);
        END;
    END LOOP;
END
$$;
ALTER TABLE campaigns ADD COLUMN wall boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN campaigns.wall IS 'Whether approved names and messages are shown publicly. Turned off, nothing that was approved is kept.';

CREATE TABLE wall_entries (
    pledge_id uuid PRIMARY KEY,
    campaign_id uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
    token uuid NOT NULL UNIQUE,
    state text NOT NULL CHECK (state IN ('shown', 'declined', 'hidden')),
    name text,
    message text,
    day date,
    reports integer NOT NULL DEFAULT 0 CHECK (reports >= 0),
    reasons text[] NOT NULL DEFAULT '{}',
    CONSTRAINT only_what_is_shown_is_kept CHECK (CASE state
        WHEN 'shown' THEN coalesce(name, message) IS NOT NULL AND day IS NOT NULL
        ELSE coalesce(name, message) IS NULL AND day IS NULL AND reports = 0 END)
    -- The one place where names stand readable: what was taken off is not to stay in dead rows.
) WITH (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0);
CREATE INDEX wall_entries_shown ON wall_entries (campaign_id, day, token) WHERE state = 'shown';
CREATE INDEX wall_entries_by_campaign ON wall_entries (campaign_id, pledge_id);
COMMENT ON TABLE wall_entries IS 'What moderators decided about showing pledges publicly. An entry is of a counted, confirmed pledge whose supporter agrees to be shown: with the end of that it is deleted, in the same transaction.';
COMMENT ON COLUMN wall_entries.pledge_id IS 'The pledge; never shown to the public.';
COMMENT ON COLUMN wall_entries.campaign_id IS 'The campaign.';
COMMENT ON COLUMN wall_entries.token IS 'What the public calls the entry: random, new with each approval.';
COMMENT ON COLUMN wall_entries.state IS 'shown, declined (never was shown) or hidden (was shown).';
COMMENT ON COLUMN wall_entries.name IS 'As it is shown; NULL: none, or not shown.';
COMMENT ON COLUMN wall_entries.message IS 'As it is shown; NULL: none, or not shown.';
COMMENT ON COLUMN wall_entries.day IS 'Day (UTC) of the approval; NULL: not shown.';
COMMENT ON COLUMN wall_entries.reports IS 'How often it was reported since the approval, or since a moderator last said that it may stay.';
COMMENT ON COLUMN wall_entries.reasons IS 'Why, each once: abuse, spam, private, other.';

-- Whoever changes pledges, in whatever way and with whatever rights here, takes them off the wall in the same transaction: none can be forgotten. For rows that can't
-- have an entry nothing is called.
CREATE FUNCTION leave_wall() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    DELETE FROM wall_entries WHERE pledge_id = OLD.id;
    RETURN NULL;
END
$$;
CREATE TRIGGER leaves_wall AFTER UPDATE ON pledges FOR EACH ROW
    WHEN (OLD.state = 'counted' AND OLD.consent_public IS NOT NULL AND OLD.confirmed_at IS NOT NULL
        AND (NEW.state <> 'counted' OR NEW.consent_public IS NULL OR NEW.confirmed_at IS NULL OR NEW.erased_at IS NOT NULL OR NEW.id <> OLD.id))
    EXECUTE FUNCTION leave_wall();
CREATE TRIGGER leaves_wall_deleted AFTER DELETE ON pledges FOR EACH ROW
    WHEN (OLD.state = 'counted' AND OLD.consent_public IS NOT NULL AND OLD.confirmed_at IS NOT NULL)
    EXECUTE FUNCTION leave_wall();

-- What is shown nowhere isn't kept readable. In the order of ids, as removals do it.
CREATE FUNCTION clear_wall() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    DELETE FROM wall_entries WHERE pledge_id IN (
        SELECT pledge_id FROM wall_entries WHERE campaign_id = NEW.id AND state = 'shown' ORDER BY pledge_id FOR UPDATE);
    RETURN NULL;
END
$$;
CREATE TRIGGER clears_wall AFTER UPDATE ON campaigns FOR EACH ROW WHEN (OLD.wall AND NOT NEW.wall) EXECUTE FUNCTION clear_wall();

CREATE TABLE wall_looks (
    moderator_id uuid NOT NULL REFERENCES moderators ON DELETE CASCADE,
    day date NOT NULL,
    pledges bigint NOT NULL CHECK (pledges >= 0),
    PRIMARY KEY (moderator_id, day)
);
COMMENT ON TABLE wall_looks IS 'How many unmasked names an account has seen or approved in a day for the wall; thirty days of it.';
COMMENT ON COLUMN wall_looks.moderator_id IS 'Who.';
COMMENT ON COLUMN wall_looks.day IS 'The day (UTC, database clock).';
COMMENT ON COLUMN wall_looks.pledges IS 'Pledges that were seen or approved, each time counted.';
