DROP TABLE refresh_tokens;
DROP TABLE sessions;
DROP TABLE moderator_campaigns;
DROP TABLE moderators;
