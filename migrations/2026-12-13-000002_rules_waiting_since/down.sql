ALTER TABLE search_rule_pledges DROP COLUMN at;
