-- What was in it is in the chain.
SELECT 1;
