-- Campaigns that are there have forms out there that bring no proof; a new one says what it does.
ALTER TABLE campaigns
    ADD COLUMN proof text NOT NULL DEFAULT 'off' CHECK (proof IN ('off', 'on', 'adaptive'));
COMMENT ON COLUMN campaigns.proof IS 'Whether a pledge needs a proof of work. off: no; on: yes, always of the same price; adaptive: yes, dearer for busy sources and in busy times.';
