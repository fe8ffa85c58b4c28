CREATE INDEX CONCURRENTLY pledges_by_removal ON pledges (removal_id) WHERE removal_id IS NOT NULL;
