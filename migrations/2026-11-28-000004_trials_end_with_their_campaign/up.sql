-- The place of a campaign's trials is a draft for ever, and loses its salt when the campaign does.
ALTER TABLE campaigns
    DROP CONSTRAINT only_closed_without_salt,
    ADD CONSTRAINT only_closed_without_salt CHECK (salt IS NOT NULL OR state = 'closed' OR test_of IS NOT NULL);
