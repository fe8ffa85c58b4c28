ALTER TABLE pledges ALTER COLUMN campaign_id RESET (n_distinct);
