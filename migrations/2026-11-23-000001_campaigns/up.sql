CREATE TABLE campaigns (
    id uuid PRIMARY KEY,
    slug text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9](-?[a-z0-9]){1,62}$'),
    state text NOT NULL CHECK (state IN ('draft', 'open', 'closed')),
    default_language text NOT NULL,
    texts jsonb NOT NULL,
    goal bigint CHECK (goal > 0),
    name_field text NOT NULL CHECK (name_field IN ('required', 'optional', 'off')),
    email_field text NOT NULL CHECK (email_field IN ('required', 'optional', 'off')),
    message_field text NOT NULL CHECK (message_field IN ('required', 'optional', 'off')),
    consents jsonb NOT NULL,
    controller_name text,
    controller_contact text,
    threshold integer NOT NULL CHECK (threshold BETWEEN 1 AND 1000),
    mailbox_rules smallint NOT NULL,
    salt bytea NOT NULL CHECK (octet_length(salt) = 32),
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE campaigns IS 'What is pledged for: texts, settings and the salt of its fingerprints.';
COMMENT ON COLUMN campaigns.id IS 'UUIDv7.';
COMMENT ON COLUMN campaigns.slug IS 'The name in addresses: 2 to 63 lower-case letters, digits and single hyphens.';
COMMENT ON COLUMN campaigns.state IS 'draft (not public), open (takes pledges) or closed (public, takes none).';
COMMENT ON COLUMN campaigns.default_language IS 'BCP 47 tag of the texts shown when the visitor''s language is not there.';
COMMENT ON COLUMN campaigns.texts IS 'Per language: title, summary, body, share, privacy_notice.';
COMMENT ON COLUMN campaigns.goal IS 'How many pledges the campaign hopes for; NULL: none is shown.';
COMMENT ON COLUMN campaigns.name_field IS 'Whether the form asks for a name: required, optional or off.';
COMMENT ON COLUMN campaigns.email_field IS 'Whether the form asks for an e-mail address: required, optional or off.';
COMMENT ON COLUMN campaigns.message_field IS 'Whether the form asks for a message: required, optional or off.';
COMMENT ON COLUMN campaigns.consents IS 'Every version of every consent text ever shown; the highest version of a purpose is the current one.';
COMMENT ON COLUMN campaigns.controller_name IS 'Who answers for the data (the controller in data protection law).';
COMMENT ON COLUMN campaigns.controller_contact IS 'How to reach the controller.';
COMMENT ON COLUMN campaigns.threshold IS 'Small numbers are published rounded down to a multiple of this; 1: exactly.';
COMMENT ON COLUMN campaigns.mailbox_rules IS 'Version of the mailbox canonicalisation; fixed for the life of the campaign, so that a mailbox keeps its fingerprint.';
COMMENT ON COLUMN campaigns.salt IS 'Random; enters the key of the campaign''s fingerprints.';
COMMENT ON COLUMN campaigns.created_at IS 'When the campaign was made.';
