ALTER TABLE sessions
    ADD COLUMN last_used_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN agent text NOT NULL DEFAULT 'other' CHECK (agent IN ('chrome', 'edge', 'firefox', 'safari', 'other')),
    ADD COLUMN proved_at timestamptz NOT NULL DEFAULT now(),
    DROP CONSTRAINT sessions_ended_because_check,
    ADD CONSTRAINT sessions_ended_because_check CHECK (ended_because IN
        ('logout', 'reuse', 'password', 'disabled', 'elsewhere', 'admin', 'second_factor', 'reset'));
-- Those that are open have not just been used, and nobody has proved anything.
UPDATE sessions SET last_used_at = created_at, proved_at = created_at;
COMMENT ON COLUMN sessions.ended_because IS 'logout, reuse of a consumed refresh token, a new password, the account disabled, ended from another session (elsewhere) or by an admin, a new second factor, or the account reset.';
COMMENT ON COLUMN sessions.last_used_at IS 'When it was last used, to about a minute.';
COMMENT ON COLUMN sessions.agent IS 'The family of the program that opened it.';
COMMENT ON COLUMN sessions.proved_at IS 'When its owner last proved who they are, by signing in, the password or a code: dangerous calls want it within ten minutes.';
