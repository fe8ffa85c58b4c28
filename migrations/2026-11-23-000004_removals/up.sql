CREATE TABLE removals (
    id uuid PRIMARY KEY,
    campaign_id uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
    moderator_id uuid NOT NULL REFERENCES moderators,
    reason text NOT NULL CHECK (reason IN ('spam', 'bot', 'duplicate', 'abuse', 'test', 'other')),
    note text NOT NULL,
    pledges bigint NOT NULL CHECK (pledges > 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    undone_at timestamptz,
    undone_by uuid REFERENCES moderators,
    undo_note text,
    CONSTRAINT undone_by_somebody CHECK ((undone_at IS NULL) = (undone_by IS NULL) AND (undone_at IS NULL) = (undo_note IS NULL))
);
CREATE INDEX removals_by_campaign ON removals (campaign_id, id);
CREATE INDEX removals_by_moderator ON removals (moderator_id);
CREATE INDEX removals_by_undone_by ON removals (undone_by);
COMMENT ON TABLE removals IS 'Moderators taking pledges out.';
COMMENT ON COLUMN removals.id IS 'UUIDv7.';
COMMENT ON COLUMN removals.campaign_id IS 'The campaign.';
COMMENT ON COLUMN removals.moderator_id IS 'Who removed.';
COMMENT ON COLUMN removals.reason IS 'Category: spam, bot, duplicate, abuse, test or other.';
COMMENT ON COLUMN removals.note IS 'Why, in the moderator''s words.';
COMMENT ON COLUMN removals.pledges IS 'How many pledges it took out.';
COMMENT ON COLUMN removals.created_at IS 'When.';
COMMENT ON COLUMN removals.undone_at IS 'When it was undone; NULL: it stands.';
COMMENT ON COLUMN removals.undone_by IS 'Who undid it.';
COMMENT ON COLUMN removals.undo_note IS 'Why it was undone.';

CREATE TABLE audit_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    moderator_id uuid REFERENCES moderators,
    campaign_id uuid REFERENCES campaigns,
    action text NOT NULL,
    details jsonb NOT NULL
);
CREATE INDEX audit_log_by_campaign ON audit_log (campaign_id, id);
CREATE INDEX audit_log_by_moderator ON audit_log (moderator_id);
COMMENT ON TABLE audit_log IS 'What was done, by whom, when and why; committed with the action. Append-only.';
COMMENT ON COLUMN audit_log.id IS 'Grows with time.';
COMMENT ON COLUMN audit_log.at IS 'When (database clock).';
COMMENT ON COLUMN audit_log.moderator_id IS 'Who; NULL: the operator, at the command line.';
COMMENT ON COLUMN audit_log.campaign_id IS 'In which campaign; NULL: in none.';
COMMENT ON COLUMN audit_log.action IS 'What, as a dotted name: removal.create, session.login, …';
COMMENT ON COLUMN audit_log.details IS 'What the action was about: ids, counts and reasons. Never personal data of supporters.';

CREATE FUNCTION audit_log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit_log is append-only';
END
$$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_is_append_only();
