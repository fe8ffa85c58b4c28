UPDATE sessions SET ended_because = 'logout' WHERE ended_because IN ('elsewhere', 'admin', 'second_factor', 'reset');
ALTER TABLE sessions
    DROP COLUMN last_used_at,
    DROP COLUMN agent,
    DROP COLUMN proved_at,
    DROP CONSTRAINT sessions_ended_because_check,
    ADD CONSTRAINT sessions_ended_because_check CHECK (ended_because IN ('logout', 'reuse', 'password', 'disabled'));
COMMENT ON COLUMN sessions.ended_because IS 'logout, reuse of a consumed refresh token, a new password, or the account disabled.';
