CREATE TABLE pledges (
    id uuid PRIMARY KEY,
    campaign_id uuid NOT NULL,
    country text NOT NULL CHECK (country ~ '^[A-Z]{2}$'),
    state text NOT NULL CHECK (state IN ('counted', 'removed')),
    state_before text CHECK (state_before IN ('counted')),
    removal_id uuid,
    fingerprint bytea NOT NULL CHECK (octet_length(fingerprint) = 32),
    request_digest bytea CHECK (octet_length(request_digest) = 32),
    consent_updates smallint,
    consent_partner smallint,
    consent_public smallint,
    sealed_review bytea,
    language text,
    source text,
    created_at timestamptz NOT NULL DEFAULT now(),
    counted_at timestamptz,
    CONSTRAINT one_pledge_per_mailbox UNIQUE (campaign_id, fingerprint),
    CONSTRAINT removed_by_a_removal CHECK ((state = 'removed') = (removal_id IS NOT NULL AND state_before IS NOT NULL)),
    CONSTRAINT counted_has_a_time CHECK (state <> 'counted' OR counted_at IS NOT NULL)
);
COMMENT ON TABLE pledges IS 'One person''s promise each. No foreign keys: they cost a quarter of ingest, and doctor finds orphans.';
COMMENT ON COLUMN pledges.id IS 'UUIDv7, never shown to the public.';
COMMENT ON COLUMN pledges.campaign_id IS 'The campaign.';
COMMENT ON COLUMN pledges.country IS 'ISO 3166-1 alpha-2, XK, or ZZ for "prefer not to say".';
COMMENT ON COLUMN pledges.state IS 'counted or removed. In every counter exactly while counted.';
COMMENT ON COLUMN pledges.state_before IS 'What undo of the removal restores; NULL unless removed.';
COMMENT ON COLUMN pledges.removal_id IS 'The removal that took the pledge out; NULL unless removed.';
COMMENT ON COLUMN pledges.fingerprint IS 'HMAC-SHA-256 of the mailbox under the campaign''s key; without a mailbox, of the idempotency key, or random.';
COMMENT ON COLUMN pledges.request_digest IS 'HMAC of the submitted fields, only for a pledge without mailbox that came with an idempotency key: tells a retry from another body.';
COMMENT ON COLUMN pledges.consent_updates IS 'Version of the text by which the organiser may write; NULL: may not.';
COMMENT ON COLUMN pledges.consent_partner IS 'Version of the text by which the partner may write; NULL: may not.';
COMMENT ON COLUMN pledges.consent_public IS 'Version of the text by which name and message may be shown; NULL: may not.';
COMMENT ON COLUMN pledges.sealed_review IS 'Name, message and masked address for moderators, sealed under a server key.';
COMMENT ON COLUMN pledges.language IS 'BCP 47 tag of the form the supporter used; NULL: not said.';
COMMENT ON COLUMN pledges.source IS 'Which page the pledge came from, as that page says; NULL: not said.';
COMMENT ON COLUMN pledges.created_at IS 'When it was stored (database clock).';
COMMENT ON COLUMN pledges.counted_at IS 'When it first became counted (database clock); kept through removal and undo.';

-- A moderator's page walks one of these backwards, from the newest id on: each begins with what is asked for and ends in
-- the id, so no page sorts and none reads more than it shows. Times are bounds of the id. Removed pledges are few and have
-- small indexes of their own; counted ones are nearly all, and need none.
CREATE INDEX pledges_by_id ON pledges (campaign_id, id);
CREATE INDEX pledges_by_country ON pledges (campaign_id, country, id);
CREATE INDEX pledges_by_language ON pledges (campaign_id, language, id);
CREATE INDEX pledges_by_country_and_language ON pledges (campaign_id, country, language, id);
CREATE INDEX pledges_removed ON pledges (campaign_id, id) WHERE state = 'removed';
CREATE INDEX pledges_removed_by_country ON pledges (campaign_id, country, id) WHERE state = 'removed';
CREATE INDEX pledges_removed_by_language ON pledges (campaign_id, language, id) WHERE state = 'removed';
CREATE INDEX pledges_by_removal ON pledges (removal_id) WHERE removal_id IS NOT NULL;

CREATE TABLE count_deltas (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    campaign_id uuid NOT NULL,
    countries text[] NOT NULL,
    amounts bigint[] NOT NULL,
    CONSTRAINT an_amount_per_country CHECK (cardinality(countries) = cardinality(amounts))
);
COMMENT ON TABLE count_deltas IS 'Changes of the counts, appended in the transaction that changes the rows and folded into the totals soon after. Rows here are not in the totals yet.';
COMMENT ON COLUMN count_deltas.id IS 'Order of insertion; nothing depends on it.';
COMMENT ON COLUMN count_deltas.campaign_id IS 'The campaign.';
COMMENT ON COLUMN count_deltas.countries IS 'The countries that change.';
COMMENT ON COLUMN count_deltas.amounts IS 'By how much each changes, in the order of countries.';

CREATE TABLE campaign_totals (
    campaign_id uuid PRIMARY KEY REFERENCES campaigns ON DELETE CASCADE,
    total bigint NOT NULL DEFAULT 0 CHECK (total >= 0),
    version bigint NOT NULL DEFAULT 1,
    changed_at timestamptz NOT NULL DEFAULT now(),
    reread_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE campaign_totals IS 'How many pledges of a campaign are counted, deltas not folded yet left out.';
COMMENT ON COLUMN campaign_totals.campaign_id IS 'The campaign.';
COMMENT ON COLUMN campaign_totals.total IS 'Counted pledges, all countries and ZZ.';
COMMENT ON COLUMN campaign_totals.version IS 'Grows by one with every change of what is published.';
COMMENT ON COLUMN campaign_totals.changed_at IS 'When this version was made (database clock): as_of of the published document.';
COMMENT ON COLUMN campaign_totals.reread_at IS 'When the rounded values were last re-read, all together.';

CREATE TABLE country_totals (
    campaign_id uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
    country text NOT NULL,
    counted bigint NOT NULL CHECK (counted >= 0),
    shown bigint NOT NULL CHECK (shown >= 0),
    live boolean NOT NULL,
    PRIMARY KEY (campaign_id, country)
);
COMMENT ON TABLE country_totals IS 'A campaign''s counted pledges by country, exact and as shown.';
COMMENT ON COLUMN country_totals.campaign_id IS 'The campaign.';
COMMENT ON COLUMN country_totals.country IS 'ISO 3166-1 alpha-2, XK or ZZ.';
COMMENT ON COLUMN country_totals.counted IS 'Exactly how many are counted.';
COMMENT ON COLUMN country_totals.shown IS 'What the public sees: counted itself while live, else the value of the last re-reading.';
COMMENT ON COLUMN country_totals.live IS 'Whether shown follows counted at once (a big country) or waits for the next re-reading.';
