CREATE INDEX CONCURRENTLY pledges_removed_by_country ON pledges (campaign_id, country, id) WHERE state = 'removed';
