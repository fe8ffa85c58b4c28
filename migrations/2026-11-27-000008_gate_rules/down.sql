DROP TABLE gate_rules;
