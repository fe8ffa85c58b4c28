CREATE INDEX CONCURRENTLY pledges_by_country ON pledges (campaign_id, country, id);
