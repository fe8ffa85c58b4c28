ALTER TABLE partner_totals DROP COLUMN shown;
ALTER TABLE campaigns DROP COLUMN publish_partners;
