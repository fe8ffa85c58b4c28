CREATE FUNCTION audit_log_make_month(wanted date) RETURNS boolean LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    begins constant timestamptz := date_trunc('month', wanted::timestamp) AT TIME ZONE 'UTC';
    ends constant timestamptz := (date_trunc('month', wanted::timestamp) + interval '1 month') AT TIME ZONE 'UTC';
    month constant text := 'audit_log_' || to_char(wanted, 'YYYY_MM');
BEGIN
    IF to_regclass('public.' || month) IS NOT NULL
        OR EXISTS (SELECT FROM audit_log_default WHERE at >= begins AND at < ends) THEN
        RETURN false;
    END IF;
    -- In the order in which actions lock them: accounts and campaigns first, the log last.
    LOCK TABLE moderators, campaigns IN SHARE ROW EXCLUSIVE MODE;
    LOCK TABLE audit_log IN ACCESS EXCLUSIVE MODE;
    EXECUTE format('CREATE TABLE public.%I PARTITION OF public.audit_log FOR VALUES FROM (%L) TO (%L)', month, begins, ends);
    EXECUTE format(
        'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON public.%I '
        'FOR EACH STATEMENT EXECUTE FUNCTION public.audit_log_is_append_only()', month
    );
    RETURN true;
END
$$;
REVOKE ALL ON FUNCTION audit_log_make_month(date) FROM PUBLIC;
COMMENT ON FUNCTION audit_log_make_month IS 'Makes the part of the audit log for a month, unless it is there or entries of that month are elsewhere already.';

CREATE FUNCTION audit_log_make_months() RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
    made integer := 0;
BEGIN
    FOR ahead IN 0..3 LOOP
        BEGIN
            made := made + audit_log_make_month((now() AT TIME ZONE 'UTC' + ahead * interval '1 month')::date)::integer;
        EXCEPTION WHEN lock_not_available OR deadlock_detected OR check_violation OR duplicate_table THEN
            -- Somebody was in the way: there is time, and what comes meanwhile goes into the part for everything else.
            NULL;
        END;
    END LOOP;
    RETURN made;
END
$$;
REVOKE ALL ON FUNCTION audit_log_make_months() FROM PUBLIC;
COMMENT ON FUNCTION audit_log_make_months IS 'Makes the parts of the audit log for this month and the next three, and says how many. For the service, whose role may not do it itself.';

SELECT audit_log_make_months();
