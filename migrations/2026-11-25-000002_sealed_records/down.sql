DROP INDEX pledges_by_erasure;
ALTER TABLE pledges DROP CONSTRAINT erased_has_no_personal_data;
ALTER TABLE pledges DROP COLUMN erased_at, DROP COLUMN sealed_for_partner, DROP COLUMN sealed_record;
DROP TABLE exports;
DROP TABLE sealing_epochs;
DROP TABLE recipients;
