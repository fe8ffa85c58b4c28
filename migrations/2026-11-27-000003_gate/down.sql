DROP TABLE spent_proofs;
ALTER TABLE campaigns DROP COLUMN hold_at;
UPDATE pledges SET state = CASE WHEN counted_at IS NULL THEN 'awaiting' ELSE 'removed' END,
    state_before = CASE WHEN counted_at IS NOT NULL THEN 'counted' END WHERE state = 'held';
UPDATE pledges SET state_before = CASE WHEN counted_at IS NULL THEN 'awaiting' ELSE 'counted' END WHERE state_before = 'held';
UPDATE pledges SET counted_at = created_at WHERE confirmed_at IS NOT NULL AND counted_at IS NULL;
ALTER TABLE pledges
    DROP CONSTRAINT pledges_state_check,
    DROP CONSTRAINT pledges_state_before_check,
    DROP CONSTRAINT erased_has_no_personal_data,
    DROP COLUMN shape_tag, DROP COLUMN name_tag, DROP COLUMN domain_tag, DROP COLUMN source_tag,
    DROP COLUMN signals, DROP COLUMN score;
ALTER TABLE pledges
    ADD CONSTRAINT pledges_state_check CHECK (state IN ('awaiting', 'counted', 'removed', 'withdrawn')) NOT VALID,
    ADD CONSTRAINT pledges_state_before_check CHECK (state_before IN ('awaiting', 'counted', 'withdrawn')) NOT VALID,
    ADD CONSTRAINT confirmed_has_a_time CHECK (confirmed_at IS NULL OR counted_at IS NOT NULL) NOT VALID,
    ADD CONSTRAINT erased_has_no_personal_data
        CHECK (erased_at IS NULL OR (sealed_record IS NULL AND sealed_for_partner IS NULL AND sealed_review IS NULL)) NOT VALID;
