CREATE INDEX CONCURRENTLY pledges_removed_by_language ON pledges (campaign_id, language, id) WHERE state = 'removed';
