ALTER TABLE removals
    DROP CONSTRAINT a_rule_removes_on_a_day,
    DROP CONSTRAINT one_removal_per_rule_and_day,
    DROP COLUMN rule_day,
    DROP COLUMN rule_id;
