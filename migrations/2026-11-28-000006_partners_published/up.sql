-- Partners' numbers on the dashboard, where the campaign publishes them.
ALTER TABLE campaigns ADD COLUMN publish_partners boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN campaigns.publish_partners IS 'Whether everybody may see how many pledges came by which partner, rounded down.';
ALTER TABLE partner_totals ADD COLUMN shown bigint NOT NULL DEFAULT 0 CHECK (shown >= 0);
COMMENT ON COLUMN partner_totals.shown IS 'What the public sees: a multiple of the threshold, as of the last re-reading.';
