COMMENT ON TABLE partner_hours IS 'What became of a partner''s submissions by hour, repeats included, for fifteen days.';
