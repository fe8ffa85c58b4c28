-- Not checked again for the rows that are there: they satisfied narrower rules.
ALTER TABLE pledges
    ADD COLUMN score smallint NOT NULL DEFAULT 0,
    ADD COLUMN signals integer NOT NULL DEFAULT 0,
    ADD COLUMN source_tag bigint,
    ADD COLUMN domain_tag bigint,
    ADD COLUMN name_tag bigint,
    ADD COLUMN shape_tag bigint,
    DROP CONSTRAINT pledges_state_check,
    DROP CONSTRAINT pledges_state_before_check,
    DROP CONSTRAINT confirmed_has_a_time,
    DROP CONSTRAINT erased_has_no_personal_data;
ALTER TABLE pledges
    ADD CONSTRAINT pledges_state_check CHECK (state IN ('awaiting', 'held', 'counted', 'removed', 'withdrawn')) NOT VALID,
    ADD CONSTRAINT pledges_state_before_check CHECK (state_before IN ('awaiting', 'held', 'counted', 'withdrawn')) NOT VALID;
ALTER TABLE pledges ADD CONSTRAINT erased_has_no_personal_data
    CHECK (erased_at IS NULL OR (sealed_record IS NULL AND sealed_for_partner IS NULL AND sealed_review IS NULL
        AND source_tag IS NULL AND domain_tag IS NULL AND name_tag IS NULL AND shape_tag IS NULL)) NOT VALID;
COMMENT ON COLUMN pledges.state IS 'awaiting, held, counted, removed or withdrawn. In every counter exactly while counted.';
COMMENT ON COLUMN pledges.counted_at IS 'When it first became counted (database clock); kept through holds, removal and undo. NULL: it never was.';
COMMENT ON COLUMN pledges.score IS 'How much it looks like a bot''s, by its signals; from the campaign''s limit on it is held.';
COMMENT ON COLUMN pledges.signals IS 'What stood out, a bit each (docs/signals.md).';
COMMENT ON COLUMN pledges.source_tag IS 'Keyed hash of the network that it came from, under a key that is destroyed within 48 hours; cleared with the review copy.';
COMMENT ON COLUMN pledges.domain_tag IS 'Keyed hash of the mailbox''s domain; cleared with the review copy.';
COMMENT ON COLUMN pledges.name_tag IS 'Keyed hash of the name; cleared with the review copy.';
COMMENT ON COLUMN pledges.shape_tag IS 'Keyed hash of the shape of name and mailbox; cleared with the review copy.';

ALTER TABLE campaigns
    ADD COLUMN hold_at smallint NOT NULL DEFAULT 100 CHECK (hold_at BETWEEN 1 AND 1000);
COMMENT ON COLUMN campaigns.hold_at IS 'From this score on a pledge is held.';

CREATE TABLE spent_proofs (
    nonce uuid PRIMARY KEY,
    fingerprint uuid NOT NULL,
    spent_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX spent_proofs_by_time ON spent_proofs USING brin (spent_at);
COMMENT ON TABLE spent_proofs IS 'Proofs of work that were used, for an hour: longer than one is good.';
COMMENT ON COLUMN spent_proofs.nonce IS 'The signed random number of the challenge.';
COMMENT ON COLUMN spent_proofs.fingerprint IS 'Of the pledge that it was used for: the same again is a retry.';
COMMENT ON COLUMN spent_proofs.spent_at IS 'When.';
