CREATE TABLE partners (
    id uuid PRIMARY KEY,
    campaign_id uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    origins text[] NOT NULL DEFAULT '{}' CHECK (cardinality(origins) <= 50),
    site_key text NOT NULL UNIQUE,
    test_site_key text NOT NULL UNIQUE,
    secret_hash bytea UNIQUE CHECK (octet_length(secret_hash) = 32),
    old_secret_hash bytea UNIQUE CHECK (octet_length(old_secret_hash) = 32),
    old_secret_until timestamptz,
    test_secret_hash bytea UNIQUE CHECK (octet_length(test_secret_hash) = 32),
    per_minute integer NOT NULL DEFAULT 6000 CHECK (per_minute > 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    disabled_at timestamptz,
    states jsonb NOT NULL DEFAULT '{}',
    states_at timestamptz NOT NULL DEFAULT 'epoch',
    CONSTRAINT an_old_secret_has_an_end CHECK ((old_secret_hash IS NULL) = (old_secret_until IS NULL))
);
CREATE INDEX partners_by_campaign ON partners (campaign_id, id);
COMMENT ON TABLE partners IS 'Organisations whose sites collect pledges for a campaign.';
COMMENT ON COLUMN partners.id IS 'UUIDv7; partner_id of its pledges.';
COMMENT ON COLUMN partners.campaign_id IS 'The campaign.';
COMMENT ON COLUMN partners.name IS 'Its name, for organisers.';
COMMENT ON COLUMN partners.origins IS 'Origins of the pages that may post with its site key: https://www.example.org, or https://*.example.org for every subdomain.';
COMMENT ON COLUMN partners.site_key IS 'Public: stands in its pages.';
COMMENT ON COLUMN partners.test_site_key IS 'The same for trials: what comes with it counts nowhere.';
COMMENT ON COLUMN partners.secret_hash IS 'SHA-256 of the key by which its server posts (256 random bits); NULL: it has none.';
COMMENT ON COLUMN partners.old_secret_hash IS 'The one before, while it is still good.';
COMMENT ON COLUMN partners.old_secret_until IS 'Until when the one before is good.';
COMMENT ON COLUMN partners.test_secret_hash IS 'SHA-256 of the key for trials; NULL: it has none.';
COMMENT ON COLUMN partners.per_minute IS 'Pledges that its server may post in a minute.';
COMMENT ON COLUMN partners.created_at IS 'When it was added.';
COMMENT ON COLUMN partners.disabled_at IS 'Since when nothing is taken from it; NULL: it is.';
COMMENT ON COLUMN partners.states IS 'How many of its pledges are in which state, as told to it: rounded down, and counted anew once an hour at most.';
COMMENT ON COLUMN partners.states_at IS 'When they were counted.';

CREATE TABLE partner_hours (
    partner_id uuid NOT NULL REFERENCES partners ON DELETE CASCADE,
    hour timestamptz NOT NULL,
    test boolean NOT NULL,
    outcome text NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    last_at timestamptz NOT NULL,
    PRIMARY KEY (partner_id, hour, test, outcome)
);
COMMENT ON TABLE partner_hours IS 'What became of a partner''s submissions by hour, repeats included, for eight days.';
COMMENT ON COLUMN partner_hours.partner_id IS 'The partner.';
COMMENT ON COLUMN partner_hours.hour IS 'Beginning of the hour (UTC).';
COMMENT ON COLUMN partner_hours.test IS 'Whether they came with a key for trials.';
COMMENT ON COLUMN partner_hours.outcome IS 'accepted, or the code of the problem by which they were refused.';
COMMENT ON COLUMN partner_hours.amount IS 'How many.';
COMMENT ON COLUMN partner_hours.last_at IS 'When the last of them came.';
