CREATE TABLE second_factors (
    moderator_id uuid PRIMARY KEY REFERENCES moderators ON DELETE CASCADE,
    sealed bytea,
    since timestamptz,
    last_step bigint NOT NULL DEFAULT 0,
    offered bytea,
    offered_at timestamptz,
    CONSTRAINT a_second_factor_has_a_time CHECK ((sealed IS NULL) = (since IS NULL)),
    CONSTRAINT an_offered_factor_has_a_time CHECK ((offered IS NULL) = (offered_at IS NULL))
);
COMMENT ON TABLE second_factors IS 'TOTP (RFC 6238) of people who sign in.';
COMMENT ON COLUMN second_factors.moderator_id IS 'Whose.';
COMMENT ON COLUMN second_factors.sealed IS 'The secret in force, sealed under a key of the root secret; NULL: none is.';
COMMENT ON COLUMN second_factors.since IS 'When a code confirmed it.';
COMMENT ON COLUMN second_factors.last_step IS 'The last 30 seconds, counted from 1970, of which a code was accepted: only codes of later ones are.';
COMMENT ON COLUMN second_factors.offered IS 'A new secret that no code has confirmed yet, sealed alike; NULL: none was offered.';
COMMENT ON COLUMN second_factors.offered_at IS 'When it was offered; it can be confirmed for half an hour.';

CREATE TABLE recovery_codes (
    moderator_id uuid NOT NULL REFERENCES moderators ON DELETE CASCADE,
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    made_at timestamptz NOT NULL DEFAULT now(),
    used_at timestamptz,
    PRIMARY KEY (moderator_id, hash)
);
COMMENT ON TABLE recovery_codes IS 'Codes to sign in with when the device of the second factor is lost, ten of an account. Each is used once.';
COMMENT ON COLUMN recovery_codes.moderator_id IS 'Whose.';
COMMENT ON COLUMN recovery_codes.hash IS 'SHA-256 of the code, which is 120 random bits.';
COMMENT ON COLUMN recovery_codes.made_at IS 'When it was made.';
COMMENT ON COLUMN recovery_codes.used_at IS 'When it was used; NULL: not yet.';
