CREATE INDEX CONCURRENTLY pledges_by_language ON pledges (campaign_id, language, id);
