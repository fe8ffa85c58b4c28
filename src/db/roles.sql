BEGIN;
GRANT USAGE ON SCHEMA public TO {service};
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
REVOKE CREATE ON SCHEMA public FROM {service};
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {service};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {service};
-- Sequences are no tables. Columns that are identities need no right to theirs; how far one is is read, and none is set back.
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {service};
GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO {service};

-- The log and all that belongs to it: read and append, and only what an action says of itself.
DO $$
DECLARE
    part regclass;
BEGIN
    FOR part IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'public.audit_log'::regclass LOOP
        EXECUTE format('REVOKE ALL ON %s FROM {service}', part);
    END LOOP;
END
$$;
REVOKE ALL ON audit_log, audit_head, audit_checkpoints, __diesel_schema_migrations FROM {service};
GRANT SELECT ON audit_log, audit_head, audit_checkpoints, __diesel_schema_migrations TO {service};
GRANT INSERT (moderator_id, campaign_id, action, details) ON audit_log TO {service};
GRANT EXECUTE ON FUNCTION audit_log_make_months() TO {service};

-- Keys of yesterday's source tags go with their file.
GRANT TRUNCATE ON source_tag_keys TO {service};

-- From PostgreSQL 17 on a role can be let vacuum; before that only the owner does.
DO $$
BEGIN
    IF current_setting('server_version_num')::integer >= 170000 THEN
        EXECUTE 'GRANT MAINTAIN ON pledges, pledge_search, partners, wall_entries, wall_words, sealing_epochs, campaigns TO {service}';
    END IF;
END
$$;
COMMIT;
