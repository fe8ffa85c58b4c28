DROP TABLE wall_looks;
DROP TRIGGER clears_wall ON campaigns;
DROP FUNCTION clear_wall();
DROP TRIGGER leaves_wall_deleted ON pledges;
DROP TRIGGER leaves_wall ON pledges;
DROP FUNCTION leave_wall();
DROP TABLE wall_entries;
ALTER TABLE campaigns DROP COLUMN wall;
