-- Where it is still there it has the names that are wanted here.
DROP TABLE IF EXISTS audit_log_before;
ALTER TABLE audit_log RENAME TO audit_log_chained;
ALTER INDEX audit_log_pkey RENAME TO audit_log_chained_pkey;
ALTER INDEX audit_log_by_campaign RENAME TO audit_log_chained_by_campaign;
ALTER INDEX audit_log_by_moderator RENAME TO audit_log_chained_by_moderator;

CREATE TABLE audit_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    moderator_id uuid CONSTRAINT audit_log_moderator_id_fkey REFERENCES moderators,
    campaign_id uuid CONSTRAINT audit_log_campaign_id_fkey REFERENCES campaigns,
    action text NOT NULL,
    details jsonb NOT NULL
);
CREATE INDEX audit_log_by_campaign ON audit_log (campaign_id, id);
CREATE INDEX audit_log_by_moderator ON audit_log (moderator_id);
INSERT INTO audit_log (id, at, moderator_id, campaign_id, action, details) OVERRIDING SYSTEM VALUE
    SELECT number, at, moderator_id, campaign_id, action, details FROM audit_log_chained ORDER BY number;
SELECT setval(pg_get_serial_sequence('audit_log', 'id'), max(id)) FROM audit_log HAVING max(id) IS NOT NULL;
COMMENT ON TABLE audit_log IS 'What was done, by whom, when and why; committed with the action. Append-only.';
COMMENT ON COLUMN audit_log.id IS 'Grows with time.';
COMMENT ON COLUMN audit_log.at IS 'When (database clock).';
COMMENT ON COLUMN audit_log.moderator_id IS 'Who; NULL: the operator, at the command line.';
COMMENT ON COLUMN audit_log.campaign_id IS 'In which campaign; NULL: in none.';
COMMENT ON COLUMN audit_log.action IS 'What, as a dotted name: removal.create, session.login, …';
COMMENT ON COLUMN audit_log.details IS 'What the action was about: ids, counts and reasons. Never personal data of supporters.';

DROP TABLE audit_log_chained;
DROP TABLE audit_checkpoints;
DROP TABLE audit_head;
DROP FUNCTION audit_log_chain();
DROP FUNCTION audit_hash(bigint, timestamptz, uuid, uuid, text, jsonb, bytea);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_is_append_only();
