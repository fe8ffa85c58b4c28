CREATE TABLE search_rules (
    id uuid PRIMARY KEY,
    campaign_id uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
    effect text NOT NULL CHECK (effect IN ('hold', 'remove')),
    reason text NOT NULL CHECK (reason IN ('spam', 'bot', 'duplicate', 'abuse', 'test', 'other')),
    sealed bytea NOT NULL,
    made_by uuid NOT NULL REFERENCES moderators,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    hits bigint NOT NULL DEFAULT 0 CHECK (hits >= 0),
    last_hit_at timestamptz,
    CONSTRAINT a_search_rule_ends_within_30_days CHECK (expires_at > created_at AND expires_at <= created_at + interval '720 hours')
);
CREATE INDEX search_rules_by_campaign ON search_rules (campaign_id, id);
CREATE INDEX search_rules_by_moderator ON search_rules (made_by);
COMMENT ON TABLE search_rules IS 'Searches that are kept alive for new pledges. A row is deleted when it has expired, when a removal of it is undone, or when its campaign''s retention has ended.';
COMMENT ON COLUMN search_rules.id IS 'UUIDv7. Nothing but hits and last_hit_at ever changes in a row.';
COMMENT ON COLUMN search_rules.campaign_id IS 'The campaign.';
COMMENT ON COLUMN search_rules.effect IS 'hold or remove: what becomes of a pledge that fits.';
COMMENT ON COLUMN search_rules.reason IS 'Why, as a category: that of its removals.';
COMMENT ON COLUMN search_rules.sealed IS 'What is looked for and why, sealed under the server key: either may name somebody.';
COMMENT ON COLUMN search_rules.made_by IS 'Who made it; its removals are on account of them.';
COMMENT ON COLUMN search_rules.created_at IS 'When; pledges that were stored before are left alone.';
COMMENT ON COLUMN search_rules.expires_at IS 'Until when it is in force; one that looks for a source ends with its day (UTC), as tags do.';
COMMENT ON COLUMN search_rules.hits IS 'Pledges that it held or removed.';
COMMENT ON COLUMN search_rules.last_hit_at IS 'When it last did.';

CREATE TABLE search_rule_pledges (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    campaign_id uuid NOT NULL,
    pledge_id uuid NOT NULL
);
COMMENT ON TABLE search_rule_pledges IS 'Pledges that moderators'' search has just taken in and that the rules haven''t been held against: empty within a second or two.';
COMMENT ON COLUMN search_rule_pledges.number IS 'In the order in which they were taken in.';
COMMENT ON COLUMN search_rule_pledges.campaign_id IS 'The campaign.';
COMMENT ON COLUMN search_rule_pledges.pledge_id IS 'The pledge, which may be gone by now.';
