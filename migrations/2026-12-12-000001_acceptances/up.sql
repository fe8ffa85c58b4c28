CREATE TABLE acceptances (
    id uuid PRIMARY KEY,
    campaign_id uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
    moderator_id uuid NOT NULL REFERENCES moderators,
    by_search boolean NOT NULL,
    note text NOT NULL,
    pledges bigint NOT NULL CHECK (pledges > 0),
    held_again bigint NOT NULL DEFAULT 0 CONSTRAINT acceptances_held_again_check CHECK (held_again BETWEEN 0 AND pledges),
    created_at timestamptz NOT NULL DEFAULT now(),
    undone_at timestamptz,
    undone_by uuid REFERENCES moderators,
    undo_note text,
    CONSTRAINT acceptance_undone_by_somebody
        CHECK ((undone_at IS NULL) = (undone_by IS NULL) AND (undone_at IS NULL) = (undo_note IS NULL)),
    CONSTRAINT held_again_by_an_undo CHECK (held_again = 0 OR undone_at IS NOT NULL)
);
CREATE INDEX acceptances_by_campaign ON acceptances (campaign_id, id);
CREATE INDEX acceptances_by_moderator ON acceptances (moderator_id);
CREATE INDEX acceptances_by_undone_by ON acceptances (undone_by);
COMMENT ON TABLE acceptances IS 'Moderators letting held pledges count.';
COMMENT ON COLUMN acceptances.id IS 'UUIDv7.';
COMMENT ON COLUMN acceptances.campaign_id IS 'The campaign.';
COMMENT ON COLUMN acceptances.moderator_id IS 'Who accepted.';
COMMENT ON COLUMN acceptances.by_search IS 'Whether a search found them; otherwise they were named one by one.';
COMMENT ON COLUMN acceptances.note IS 'Why, in the moderator''s words.';
COMMENT ON COLUMN acceptances.pledges IS 'How many pledges it let count.';
COMMENT ON COLUMN acceptances.held_again IS 'How many of them its undo has held again.';
COMMENT ON COLUMN acceptances.created_at IS 'When it began.';
COMMENT ON COLUMN acceptances.undone_at IS 'When its undo began; NULL: it stands.';
COMMENT ON COLUMN acceptances.undone_by IS 'Who undid it.';
COMMENT ON COLUMN acceptances.undo_note IS 'Why it was undone.';

-- No foreign key, as everywhere on pledges: whoever changes many rows would pay for each.
ALTER TABLE pledges ADD COLUMN acceptance_id uuid;
COMMENT ON COLUMN pledges.acceptance_id IS 'The acceptance that let the pledge count; NULL: none did, or it was undone.';

COMMENT ON TABLE removal_counts IS 'How many pledges an account has removed and accepted in a day, counted with the act itself; thirty days of it.';
COMMENT ON COLUMN removal_counts.pledges IS 'Pledges that were removed or accepted, also those of which that was undone later.';
