CREATE TABLE moderators (
    id uuid PRIMARY KEY,
    login text NOT NULL UNIQUE CHECK (login ~ '^[a-z0-9]([._-]?[a-z0-9]){0,62}$'),
    role text NOT NULL CHECK (role IN ('moderator', 'organiser', 'admin')),
    password_hash text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    disabled_at timestamptz
);
COMMENT ON TABLE moderators IS 'People who sign in.';
COMMENT ON COLUMN moderators.id IS 'UUIDv7; the sub of access tokens.';
COMMENT ON COLUMN moderators.login IS 'Name to sign in with: 1 to 63 lower-case letters, digits and single . _ -';
COMMENT ON COLUMN moderators.role IS 'moderator, organiser (both of given campaigns) or admin (of all).';
COMMENT ON COLUMN moderators.password_hash IS 'Argon2id, PHC string.';
COMMENT ON COLUMN moderators.created_at IS 'When the account was made.';
COMMENT ON COLUMN moderators.disabled_at IS 'Since when the account is closed; NULL: it is not.';

CREATE TABLE moderator_campaigns (
    moderator_id uuid NOT NULL REFERENCES moderators ON DELETE CASCADE,
    campaign_id uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
    PRIMARY KEY (moderator_id, campaign_id)
);
CREATE INDEX moderator_campaigns_by_campaign ON moderator_campaigns (campaign_id);
COMMENT ON TABLE moderator_campaigns IS 'Which campaigns a moderator or organiser may see.';
COMMENT ON COLUMN moderator_campaigns.moderator_id IS 'Who.';
COMMENT ON COLUMN moderator_campaigns.campaign_id IS 'Which campaign.';

CREATE TABLE sessions (
    id uuid PRIMARY KEY,
    moderator_id uuid NOT NULL REFERENCES moderators ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    ended_because text CHECK (ended_because IN ('logout', 'reuse', 'password', 'disabled')),
    CONSTRAINT ended_for_a_reason CHECK ((ended_at IS NULL) = (ended_because IS NULL))
);
CREATE INDEX sessions_by_moderator ON sessions (moderator_id);
COMMENT ON TABLE sessions IS 'One sign-in each: the family of its refresh tokens.';
COMMENT ON COLUMN sessions.id IS 'UUIDv7; the sid of access tokens.';
COMMENT ON COLUMN sessions.moderator_id IS 'Who signed in.';
COMMENT ON COLUMN sessions.created_at IS 'When.';
COMMENT ON COLUMN sessions.expires_at IS 'When it ends whatever happens.';
COMMENT ON COLUMN sessions.ended_at IS 'When it was ended before that; NULL: it was not.';
COMMENT ON COLUMN sessions.ended_because IS 'logout, reuse of a consumed refresh token, a new password, or the account disabled.';

CREATE TABLE refresh_tokens (
    hash bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
    session_id uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
    parent bytea REFERENCES refresh_tokens ON DELETE CASCADE,
    issued_at timestamptz NOT NULL DEFAULT now(),
    used_at timestamptz
);
CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session_id);
CREATE INDEX refresh_tokens_by_parent ON refresh_tokens (parent);
COMMENT ON TABLE refresh_tokens IS 'Refresh tokens, hashed. Each is used once; a second use ends the session.';
COMMENT ON COLUMN refresh_tokens.hash IS 'SHA-256 of the token.';
COMMENT ON COLUMN refresh_tokens.session_id IS 'The session it belongs to.';
COMMENT ON COLUMN refresh_tokens.parent IS 'The token it replaced; NULL: the first of its session.';
COMMENT ON COLUMN refresh_tokens.issued_at IS 'When it was issued.';
COMMENT ON COLUMN refresh_tokens.used_at IS 'When it was exchanged first; NULL: not yet.';
