DROP TABLE search_rule_pledges;
DROP TABLE search_rules;
