CREATE TABLE gate_rules (
    id uuid PRIMARY KEY,
    campaign_id uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
    kind text NOT NULL CHECK (kind IN ('block', 'allow')),
    subject text NOT NULL CHECK (subject IN ('domain', 'source', 'name', 'partner')),
    sealed bytea NOT NULL,
    made_by uuid REFERENCES moderators,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    hits bigint NOT NULL DEFAULT 0 CHECK (hits >= 0),
    last_hit_at timestamptz,
    CONSTRAINT a_rule_ends_later CHECK (expires_at > created_at)
);
CREATE INDEX gate_rules_by_campaign ON gate_rules (campaign_id, id);
CREATE INDEX gate_rules_by_moderator ON gate_rules (made_by);
COMMENT ON TABLE gate_rules IS 'Moderators'' blocks and allows. A row is deleted when it has expired, or its campaign''s retention has ended.';
COMMENT ON COLUMN gate_rules.id IS 'UUIDv7. Nothing but hits and last_hit_at ever changes in a row.';
COMMENT ON COLUMN gate_rules.campaign_id IS 'The campaign.';
COMMENT ON COLUMN gate_rules.kind IS 'block: what fits is held; allow: what fits and is not blocked isn''t held.';
COMMENT ON COLUMN gate_rules.subject IS 'What it looks at: domain (of the mailbox), source (a tag), name (a pattern) or partner.';
COMMENT ON COLUMN gate_rules.sealed IS 'What it is held against and why it was made, sealed under the server key: either may name somebody.';
COMMENT ON COLUMN gate_rules.made_by IS 'Who made it; NULL: the operator, at the command line.';
COMMENT ON COLUMN gate_rules.created_at IS 'When.';
COMMENT ON COLUMN gate_rules.expires_at IS 'Until when it is in force; that of a source ends with its day (UTC), as tags do.';
COMMENT ON COLUMN gate_rules.hits IS 'Pledges that it decided, repeats too; approximate after a crash.';
COMMENT ON COLUMN gate_rules.last_hit_at IS 'When it last did.';
