DELETE FROM campaigns WHERE salt IS NULL AND test_of IS NOT NULL;
ALTER TABLE campaigns
    DROP CONSTRAINT only_closed_without_salt,
    ADD CONSTRAINT only_closed_without_salt CHECK (salt IS NOT NULL OR state = 'closed');
