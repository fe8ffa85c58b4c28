ALTER TABLE search_rule_pledges ADD COLUMN at timestamptz NOT NULL DEFAULT now();
COMMENT ON COLUMN search_rule_pledges.at IS 'Since when it waits. An instance that can''t open a rule of the campaign leaves it to the others for ten seconds.';
