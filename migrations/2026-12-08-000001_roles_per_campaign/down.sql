ALTER TABLE invitations DROP COLUMN organises;
ALTER TABLE moderator_campaigns DROP COLUMN organises;
