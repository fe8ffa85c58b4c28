ALTER TABLE removals
    ADD COLUMN rule_id uuid,
    ADD COLUMN rule_day date,
    ADD CONSTRAINT one_removal_per_rule_and_day UNIQUE (rule_id, rule_day),
    ADD CONSTRAINT a_rule_removes_on_a_day CHECK ((rule_id IS NULL) = (rule_day IS NULL));
COMMENT ON COLUMN removals.rule_id IS 'The search rule that took them out, which may be gone; NULL: none did.';
COMMENT ON COLUMN removals.rule_day IS 'The day (UTC) on which that rule did.';
