-- From now on nothing may be written behind an entry of the audit log in its transaction, but what nobody else can have locked: a new
-- session of somebody whose account is locked already.
DO $do$
DECLARE
    each regclass;
BEGIN
    CREATE OR REPLACE FUNCTION nothing_follows_the_log() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        IF EXISTS (SELECT FROM audit_head WHERE xmin = pg_current_xact_id()::xid) THEN
            RAISE EXCEPTION 'written behind the log: %', TG_TABLE_NAME;
        END IF;
        RETURN NULL;
    END
    $$;
    FOR each IN SELECT oid FROM pg_class WHERE relkind = 'r' AND NOT relispartition AND relnamespace = 'public'::regnamespace
        AND relname NOT IN ('audit_head', 'audit_checkpoints') AND relname NOT LIKE '\_\_diesel%'
    LOOP
        EXECUTE format('CREATE OR REPLACE TRIGGER nothing_follows_the_log BEFORE %s ON %s '
            'FOR EACH STATEMENT EXECUTE FUNCTION nothing_follows_the_log()',
            CASE WHEN each IN ('sessions'::regclass, 'refresh_tokens'::regclass) THEN 'UPDATE OR DELETE'
                ELSE 'INSERT OR UPDATE OR DELETE' END, each);
    END LOOP;
END
$do$
