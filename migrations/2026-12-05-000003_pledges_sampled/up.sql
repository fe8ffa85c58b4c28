CREATE INDEX CONCURRENTLY pledges_sampled ON pledges (campaign_id, id)
    WHERE get_byte(uuid_send(id), 15) < 32 AND (state = 'held' OR state_before = 'held' OR signals & 536870912 <> 0);
