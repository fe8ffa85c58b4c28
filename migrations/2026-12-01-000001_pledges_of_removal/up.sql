CREATE INDEX CONCURRENTLY pledges_of_removal ON pledges (removal_id, id) WHERE removal_id IS NOT NULL;
