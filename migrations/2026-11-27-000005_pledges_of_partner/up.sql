CREATE INDEX CONCURRENTLY pledges_of_partner ON pledges (partner_id, state) WHERE partner_id IS NOT NULL AND state <> 'counted';
