-- Its foreign keys are triggers of the tables that they look at: locked in the order in which actions lock them, and let go again when
-- somebody has one and wants another, as where the chain begins. In a transaction of its own, so that nobody waits for the copying.
DO $$
BEGIN
    SET LOCAL lock_timeout = '500ms';
    FOR attempt IN 1..80 LOOP
        BEGIN
            LOCK TABLE moderators, campaigns, audit_log_before IN ACCESS EXCLUSIVE MODE;
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
DROP TABLE audit_log_before;
