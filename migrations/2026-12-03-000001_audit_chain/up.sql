-- The log so far is read into the chain; a later migration drops it, because that needs more than a lock against writing on the
-- tables that it looks at.

-- Locked in the order in which actions lock them. Who waits for two of them has one: so nobody is waited for longer than the half of
-- what PostgreSQL takes for a deadlock, and then all that is held is let go. Fails after two minutes: a dump would last longer.
DO $$
BEGIN
    SET LOCAL lock_timeout = '500ms';
    FOR attempt IN 1..80 LOOP
        BEGIN
            LOCK TABLE moderators, campaigns IN SHARE ROW EXCLUSIVE MODE;
            LOCK TABLE audit_log IN ACCESS EXCLUSIVE MODE;
            EXIT;
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            IF attempt = 80 THEN
                RAISE;
            END IF;
            PERFORM pg_sleep(1);
        END;
    END LOOP;
    SET LOCAL lock_timeout = 0;
END
$$;
ALTER TABLE audit_log RENAME TO audit_log_before;
ALTER INDEX audit_log_pkey RENAME TO audit_log_before_pkey;
ALTER INDEX audit_log_by_campaign RENAME TO audit_log_before_by_campaign;
ALTER INDEX audit_log_by_moderator RENAME TO audit_log_before_by_moderator;

-- Names of its own: PostgreSQL would choose others while the old table has them.
CREATE TABLE audit_log (
    number bigint NOT NULL,
    -- What the release before knows an entry by.
    id bigint NOT NULL GENERATED ALWAYS AS (number) STORED,
    at timestamptz NOT NULL DEFAULT now(),
    moderator_id uuid CONSTRAINT audit_log_moderator_id_fkey REFERENCES moderators,
    campaign_id uuid CONSTRAINT audit_log_campaign_id_fkey REFERENCES campaigns,
    -- No line breaks: what is hashed has one part a line.
    action text NOT NULL CHECK (action ~ '^[a-z0-9_.]+$'),
    details jsonb NOT NULL,
    previous bytea NOT NULL CHECK (octet_length(previous) = 32),
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (number, at)
) PARTITION BY RANGE (at);
CREATE INDEX audit_log_by_campaign ON audit_log (campaign_id, number);
CREATE INDEX audit_log_by_moderator ON audit_log (moderator_id, number);
COMMENT ON TABLE audit_log IS 'What was done, by whom, when and why; committed with the action. Append-only, by month, each entry with the hash of the one before.';
COMMENT ON COLUMN audit_log.number IS 'Its place in the chain: 1, 2, 3, without gaps. Set by the database.';
COMMENT ON COLUMN audit_log.id IS 'The number, under the name that the release 0.2 knows.';
COMMENT ON COLUMN audit_log.at IS 'When the transaction of the action began (database clock).';
COMMENT ON COLUMN audit_log.moderator_id IS 'Who; NULL: the operator at the command line, or the service itself.';
COMMENT ON COLUMN audit_log.campaign_id IS 'In which campaign; NULL: in none.';
COMMENT ON COLUMN audit_log.action IS 'What, as a dotted name: removal.create, session.open, …';
COMMENT ON COLUMN audit_log.details IS 'What the action was about: ids, counts and reasons. Never personal data of supporters.';
COMMENT ON COLUMN audit_log.previous IS 'Hash of the entry before; of number 1: 32 zero bytes.';
COMMENT ON COLUMN audit_log.hash IS 'SHA-256 of all the rest (audit_hash). Set by the database.';

-- Nothing fails when nobody has made a month.
CREATE TABLE audit_log_default PARTITION OF audit_log DEFAULT;

CREATE TABLE audit_head (
    one boolean PRIMARY KEY DEFAULT true,
    number bigint NOT NULL,
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    CONSTRAINT there_is_one_head CHECK (one)
) WITH (fillfactor = 10);
COMMENT ON TABLE audit_head IS 'The end of the audit log, in one row that whoever appends locks.';
COMMENT ON COLUMN audit_head.one IS 'True.';
COMMENT ON COLUMN audit_head.number IS 'Number of the last entry; 0: there is none.';
COMMENT ON COLUMN audit_head.hash IS 'Its hash.';

CREATE TABLE audit_checkpoints (
    month date PRIMARY KEY,
    number bigint NOT NULL CHECK (number > 0),
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    entries bigint NOT NULL CHECK (entries >= 0),
    made_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE audit_checkpoints IS 'Months of the audit log that were dropped after their time. The chain is checked from the last one on.';
COMMENT ON COLUMN audit_checkpoints.month IS 'First day of the month (UTC).';
COMMENT ON COLUMN audit_checkpoints.number IS 'The highest number among what was dropped until then.';
COMMENT ON COLUMN audit_checkpoints.hash IS 'Hash of that entry.';
COMMENT ON COLUMN audit_checkpoints.entries IS 'How many entries were dropped with this month.';
COMMENT ON COLUMN audit_checkpoints.made_at IS 'When.';

CREATE FUNCTION audit_hash(
    number bigint, at timestamptz, moderator uuid, campaign uuid, action text, details jsonb, previous bytea
) RETURNS bytea LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
    SELECT sha256(convert_to(concat_ws(E'\n',
        'pledges audit 1',
        $1::text,
        to_char($2 AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        coalesce($3::text, '-'),
        coalesce($4::text, '-'),
        $5,
        $6::text,
        encode($7, 'hex')
    ), 'UTF8'))
$$;
COMMENT ON FUNCTION audit_hash IS 'SHA-256 of an entry as text, one part a line. docs/operations.md tells how others compute it.';

-- Before the triggers: through them each row would leave a dead version of the head, and the next look for it walks over all.
DO $$
DECLARE
    entry record;
    last_number bigint := 0;
    last_hash bytea := decode(repeat('00', 32), 'hex');
    next_hash bytea;
BEGIN
    FOR entry IN SELECT * FROM audit_log_before ORDER BY id LOOP
        last_number := last_number + 1;
        next_hash := audit_hash(last_number, entry.at, entry.moderator_id, entry.campaign_id, entry.action, entry.details, last_hash);
        INSERT INTO audit_log (number, at, moderator_id, campaign_id, action, details, previous, hash)
            VALUES (last_number, entry.at, entry.moderator_id, entry.campaign_id, entry.action, entry.details, last_hash, next_hash);
        last_hash := next_hash;
    END LOOP;
    INSERT INTO audit_head (number, hash) VALUES (last_number, last_hash);
END
$$;
COMMENT ON TABLE audit_log_before IS 'The log from before the chain, until a later migration drops it.';

CREATE FUNCTION audit_log_chain() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    head audit_head;
BEGIN
    -- What the foreign keys lock, before the head: whoever has the head waits for nobody.
    PERFORM FROM moderators WHERE id = NEW.moderator_id FOR KEY SHARE;
    PERFORM FROM campaigns WHERE id = NEW.campaign_id FOR KEY SHARE;
    SELECT * INTO STRICT head FROM audit_head FOR UPDATE;
    NEW.number := head.number + 1;
    NEW.previous := head.hash;
    NEW.hash := audit_hash(NEW.number, NEW.at, NEW.moderator_id, NEW.campaign_id, NEW.action, NEW.details, NEW.previous);
    UPDATE audit_head SET number = NEW.number, hash = NEW.hash;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION audit_log_chain() FROM PUBLIC;
CREATE TRIGGER chain BEFORE INSERT ON audit_log FOR EACH ROW EXECUTE FUNCTION audit_log_chain();

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_is_append_only();
-- A statement on a part of the log fires the triggers of that part only.
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log_default
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_is_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_is_append_only();
