CREATE INDEX CONCURRENTLY pledges_held ON pledges (campaign_id, id) WHERE state = 'held';
