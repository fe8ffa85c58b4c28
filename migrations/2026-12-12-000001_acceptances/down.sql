COMMENT ON TABLE removal_counts IS 'How many pledges an account has removed in a day, counted with the removal itself; thirty days of it.';
COMMENT ON COLUMN removal_counts.pledges IS 'Pledges that were removed, also those that were put back later.';
ALTER TABLE pledges DROP COLUMN acceptance_id;
DROP TABLE acceptances;
