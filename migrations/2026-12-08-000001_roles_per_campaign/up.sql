-- Both tables are small, and a default that is a constant rewrites nothing.
ALTER TABLE moderator_campaigns ADD COLUMN organises boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN moderator_campaigns.organises IS
    'Whether the account is an organiser of this campaign, though its role is moderator. Of no consequence with other roles.';
ALTER TABLE invitations ADD COLUMN organises uuid[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN invitations.organises IS 'Those of the campaigns of which the account will be an organiser, whatever its role.';
