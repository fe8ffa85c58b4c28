ALTER TABLE moderators ADD COLUMN removals_per_day integer CHECK (removals_per_day >= 0);
COMMENT ON COLUMN moderators.removals_per_day IS 'Pledges that the account may remove in a day (UTC); NULL: the usual number, or for admins any.';

CREATE TABLE removal_counts (
    moderator_id uuid NOT NULL REFERENCES moderators ON DELETE CASCADE,
    day date NOT NULL,
    pledges bigint NOT NULL CHECK (pledges >= 0),
    PRIMARY KEY (moderator_id, day)
);
COMMENT ON TABLE removal_counts IS 'How many pledges an account has removed in a day, counted with the removal itself; thirty days of it.';
COMMENT ON COLUMN removal_counts.moderator_id IS 'Who.';
COMMENT ON COLUMN removal_counts.day IS 'The day (UTC, database clock).';
COMMENT ON COLUMN removal_counts.pledges IS 'Pledges that were removed, also those that were put back later.';
