DROP INDEX CONCURRENTLY pledge_search_of_name;
