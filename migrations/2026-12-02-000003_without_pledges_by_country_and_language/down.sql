CREATE INDEX CONCURRENTLY pledges_by_country_and_language ON pledges (campaign_id, country, language, id);
