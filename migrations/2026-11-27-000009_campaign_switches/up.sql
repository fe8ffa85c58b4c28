CREATE TABLE campaign_switches (
    id uuid PRIMARY KEY,
    campaign_id uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
    switch text NOT NULL CHECK (switch IN ('hold_all', 'require_mail', 'raise_proof', 'pause_partner')),
    partner_id uuid REFERENCES partners ON DELETE CASCADE,
    reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 1000),
    moderator_id uuid REFERENCES moderators,
    on_at timestamptz NOT NULL DEFAULT now(),
    ends_at timestamptz NOT NULL,
    off_at timestamptz,
    CONSTRAINT a_pause_is_of_a_partner CHECK ((switch = 'pause_partner') = (partner_id IS NOT NULL))
);
-- Also how it is looked up whether one is on. What was not switched off by hand stays in it after its end, until the next of its kind.
CREATE UNIQUE INDEX one_switch_of_a_kind ON campaign_switches (campaign_id, switch, partner_id) NULLS NOT DISTINCT WHERE off_at IS NULL;
CREATE INDEX campaign_switches_by_campaign ON campaign_switches (campaign_id, id);
CREATE INDEX campaign_switches_by_partner ON campaign_switches (partner_id);
CREATE INDEX campaign_switches_by_moderator ON campaign_switches (moderator_id);
COMMENT ON TABLE campaign_switches IS 'What was switched on for a campaign under attack. Each ends by itself; rows stay for thirty days after that, the audit log keeps longer.';
COMMENT ON COLUMN campaign_switches.id IS 'UUIDv7.';
COMMENT ON COLUMN campaign_switches.campaign_id IS 'The campaign.';
COMMENT ON COLUMN campaign_switches.switch IS 'hold_all (every new pledge is held), require_mail (pledges are confirmed by mail), raise_proof (proofs of work cost more) or pause_partner (nothing is taken from one partner).';
COMMENT ON COLUMN campaign_switches.partner_id IS 'The partner that is paused; NULL: the switch is of no partner.';
COMMENT ON COLUMN campaign_switches.reason IS 'Why, in the words of who switched it on.';
COMMENT ON COLUMN campaign_switches.moderator_id IS 'Who switched it on; NULL: the operator, at the command line.';
COMMENT ON COLUMN campaign_switches.on_at IS 'When (database clock).';
COMMENT ON COLUMN campaign_switches.ends_at IS 'When it ends by itself.';
COMMENT ON COLUMN campaign_switches.off_at IS 'When it was switched off by hand, or another of its kind took its place; NULL: it wasn''t.';
