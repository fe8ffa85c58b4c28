DROP INDEX CONCURRENTLY pledges_of_acceptance;
