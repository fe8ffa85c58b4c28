CREATE TABLE recipients (
    id uuid PRIMARY KEY,
    campaign_id uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
    partner_id uuid,
    public_key text NOT NULL CHECK (public_key ~ '^age1[02-9ac-hj-np-z]{58}$'),
    label text NOT NULL CHECK (length(label) BETWEEN 1 AND 200),
    test_code_hash bytea CHECK (octet_length(test_code_hash) = 32),
    test_made_at timestamptz,
    checked_at timestamptz,
    added_at timestamptz NOT NULL DEFAULT now(),
    removed_at timestamptz,
    CONSTRAINT a_test_has_a_time CHECK ((test_code_hash IS NULL) = (test_made_at IS NULL))
);
CREATE UNIQUE INDEX one_recipient_per_key ON recipients (campaign_id, partner_id, public_key) NULLS NOT DISTINCT
    WHERE removed_at IS NULL;
CREATE INDEX recipients_by_campaign ON recipients (campaign_id);
COMMENT ON TABLE recipients IS 'Public age keys: who can open, offline, what a campaign seals.';
COMMENT ON COLUMN recipients.id IS 'UUIDv7.';
COMMENT ON COLUMN recipients.campaign_id IS 'The campaign.';
COMMENT ON COLUMN recipients.partner_id IS 'The partner whose key it is; NULL: the organiser''s.';
COMMENT ON COLUMN recipients.public_key IS 'X25519, as age writes it.';
COMMENT ON COLUMN recipients.label IS 'Whose it is or where its secret half is kept, in the organiser''s words.';
COMMENT ON COLUMN recipients.test_code_hash IS 'SHA-256 of the code in the newest test record; NULL: none was made.';
COMMENT ON COLUMN recipients.test_made_at IS 'When that test record was made.';
COMMENT ON COLUMN recipients.checked_at IS 'When it was last proved that somebody can open what is sealed to it; NULL: never, and nothing is.';
COMMENT ON COLUMN recipients.added_at IS 'When it was added.';
COMMENT ON COLUMN recipients.removed_at IS 'Since when nothing new is sealed to it; NULL: still is.';

CREATE TABLE sealing_epochs (
    id uuid PRIMARY KEY,
    campaign_id uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
    partner_id uuid,
    wrapped_key bytea NOT NULL,
    recipients text[] NOT NULL,
    began_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sealing_epochs_by_campaign ON sealing_epochs (campaign_id, id);
COMMENT ON TABLE sealing_epochs IS 'Keys of sealed records, each for one instance and at most an hour, wrapped so that only recipients can open them.';
COMMENT ON COLUMN sealing_epochs.id IS 'UUIDv7; stands in every record that was sealed in it.';
COMMENT ON COLUMN sealing_epochs.campaign_id IS 'Whose records.';
COMMENT ON COLUMN sealing_epochs.partner_id IS 'For which partner; NULL: for the organiser.';
COMMENT ON COLUMN sealing_epochs.wrapped_key IS 'An age file with the epoch''s key.';
COMMENT ON COLUMN sealing_epochs.recipients IS 'The public keys it is wrapped to.';
COMMENT ON COLUMN sealing_epochs.began_at IS 'When it began (database clock).';

CREATE TABLE exports (
    id uuid PRIMARY KEY,
    campaign_id uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
    partner_id uuid,
    moderator_id uuid REFERENCES moderators,
    snapshot_at timestamptz NOT NULL,
    pledges bigint NOT NULL CHECK (pledges >= 0)
);
CREATE INDEX exports_by_campaign ON exports (campaign_id, snapshot_at);
CREATE INDEX exports_by_moderator ON exports (moderator_id);
COMMENT ON TABLE exports IS 'When the organiser''s list was last given out: the next one tells what was erased since.';
COMMENT ON COLUMN exports.id IS 'UUIDv7; stands in the bundle.';
COMMENT ON COLUMN exports.campaign_id IS 'The campaign.';
COMMENT ON COLUMN exports.partner_id IS 'The partner whose list it was; NULL: the organiser''s.';
COMMENT ON COLUMN exports.moderator_id IS 'Who asked for it; NULL: the command line.';
COMMENT ON COLUMN exports.snapshot_at IS 'The moment it shows (database clock).';
COMMENT ON COLUMN exports.pledges IS 'How many pledges it had.';

ALTER TABLE pledges ADD COLUMN sealed_record bytea, ADD COLUMN sealed_for_partner bytea, ADD COLUMN erased_at timestamptz;
-- Holds for what is there, where nothing is erased yet: no need to look at every row while nobody can pledge.
ALTER TABLE pledges ADD CONSTRAINT erased_has_no_personal_data
    CHECK (erased_at IS NULL OR (sealed_record IS NULL AND sealed_for_partner IS NULL AND sealed_review IS NULL)) NOT VALID;
CREATE INDEX pledges_by_erasure ON pledges (campaign_id, erased_at) WHERE erased_at IS NOT NULL;
COMMENT ON COLUMN pledges.sealed_record IS 'Name, address, message and consents for the organiser, sealed under the key of an epoch.';
COMMENT ON COLUMN pledges.sealed_for_partner IS 'The same for the partner, when the supporter allowed it and the partner has a recipient.';
COMMENT ON COLUMN pledges.erased_at IS 'When the personal parts were erased; the fingerprint stays until the campaign''s retention ends.';
