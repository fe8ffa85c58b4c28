DROP INDEX CONCURRENTLY pledges_for_wall;
