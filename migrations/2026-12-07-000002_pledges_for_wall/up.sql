CREATE INDEX CONCURRENTLY pledges_for_wall ON pledges (campaign_id, id)
    WHERE state = 'counted' AND consent_public IS NOT NULL AND confirmed_at IS NOT NULL AND sealed_review IS NOT NULL;
