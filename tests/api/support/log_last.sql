-- From now on nothing may be written behind an entry of the audit log in its transaction, but what nobody else can have locked: a new
-- session of somebody whose account is locked already. What is only locked behind it is not seen.
DO $do$
DECLARE
    each regclass;
BEGIN
    -- Goes with the transaction, or with the savepoint that the entry goes with.
    CREATE FUNCTION something_is_logged() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM set_config('tests.logged', 'yes', true);
        RETURN NULL;
    END
    $$;
    CREATE TRIGGER something_is_logged AFTER INSERT ON audit_log FOR EACH STATEMENT EXECUTE FUNCTION something_is_logged();
    CREATE FUNCTION nothing_follows_the_log() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF current_setting('tests.logged', true) = 'yes' THEN
            RAISE EXCEPTION 'written behind the log: % of %', TG_OP, TG_TABLE_NAME;
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
