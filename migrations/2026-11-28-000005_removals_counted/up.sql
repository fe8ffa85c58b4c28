-- What a removal took out of the totals: the public is told (corrections). Removals that were undone tell nothing.
ALTER TABLE removals ADD COLUMN counted bigint NOT NULL DEFAULT 0 CONSTRAINT removals_counted_check CHECK (counted BETWEEN 0 AND pledges);
COMMENT ON COLUMN removals.counted IS 'How many of them were counted, and left the totals.';
UPDATE removals SET counted = taken.counted
FROM (SELECT removal_id, count(*) AS counted FROM pledges WHERE removal_id IS NOT NULL AND state_before = 'counted' GROUP BY removal_id) AS taken
WHERE taken.removal_id = removals.id;
