CREATE INDEX CONCURRENTLY pledges_of_acceptance ON pledges (acceptance_id, id) WHERE acceptance_id IS NOT NULL;
