CREATE TABLE invitations (
    id uuid PRIMARY KEY,
    login text NOT NULL CHECK (login ~ '^[a-z0-9]([._-]?[a-z0-9]){0,62}$'),
    role text NOT NULL CHECK (role IN ('moderator', 'organiser', 'admin')),
    campaigns uuid[] NOT NULL,
    resets uuid REFERENCES moderators ON DELETE CASCADE,
    token_hash bytea NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),
    made_by uuid REFERENCES moderators,
    made_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    accepted_at timestamptz,
    revoked_at timestamptz,
    CONSTRAINT accepted_or_revoked CHECK (accepted_at IS NULL OR revoked_at IS NULL)
);
CREATE UNIQUE INDEX one_open_invitation ON invitations (login) WHERE accepted_at IS NULL AND revoked_at IS NULL;
CREATE INDEX invitations_by_resets ON invitations (resets);
CREATE INDEX invitations_by_made_by ON invitations (made_by);
COMMENT ON TABLE invitations IS 'One-time links to an account: a new one, or one that gets a new password. Rows stay for thirty days after their end, the audit log keeps longer.';
COMMENT ON COLUMN invitations.id IS 'UUIDv7.';
COMMENT ON COLUMN invitations.login IS 'The login of the account.';
COMMENT ON COLUMN invitations.role IS 'What it may do.';
COMMENT ON COLUMN invitations.campaigns IS 'Ids of the campaigns that it may see.';
COMMENT ON COLUMN invitations.resets IS 'The account that gets a new password; NULL: a new account is made.';
COMMENT ON COLUMN invitations.token_hash IS 'SHA-256 of what the link carries, 256 random bits.';
COMMENT ON COLUMN invitations.made_by IS 'Who invited; NULL: the operator, at the command line.';
COMMENT ON COLUMN invitations.made_at IS 'When.';
COMMENT ON COLUMN invitations.expires_at IS 'When the link ends by itself.';
COMMENT ON COLUMN invitations.accepted_at IS 'When it was used; NULL: it was not.';
COMMENT ON COLUMN invitations.revoked_at IS 'When it was revoked, or another for the same login took its place; NULL: it was not.';
