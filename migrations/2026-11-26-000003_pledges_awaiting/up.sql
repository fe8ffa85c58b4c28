CREATE INDEX CONCURRENTLY pledges_awaiting ON pledges (campaign_id, id) WHERE state = 'awaiting';
