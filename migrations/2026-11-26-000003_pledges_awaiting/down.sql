DROP INDEX CONCURRENTLY pledges_awaiting;
