-- Instances of before must be stopped: they fold without buckets (docs/operations.md, Upgrading).
--
-- Waits for whoever is appending, so that the rows counted below are exactly those whose deltas are here or folded.
ALTER TABLE count_deltas
    ADD COLUMN minute timestamptz,
    ADD COLUMN appended_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN xact bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
    ADD COLUMN partners uuid[] NOT NULL DEFAULT '{}',
    ADD COLUMN partner_amounts bigint[] NOT NULL DEFAULT '{}',
    ADD CONSTRAINT an_amount_per_partner CHECK (cardinality(partners) = cardinality(partner_amounts));
-- Deltas that are here now keep NULL: their pledges are counted into the buckets below.
ALTER TABLE count_deltas ALTER COLUMN minute SET DEFAULT date_trunc('minute', now());
CREATE INDEX count_deltas_by_xact ON count_deltas (xact, id);
COMMENT ON COLUMN count_deltas.minute IS 'The UTC minute of counted_at of the pledges; NULL: from before there were time buckets, which have them already.';
COMMENT ON COLUMN count_deltas.appended_at IS 'When (database clock): how long the oldest delta waits tells whether somebody folds.';
COMMENT ON COLUMN count_deltas.partners IS 'The partners whose counts change.';
COMMENT ON COLUMN count_deltas.partner_amounts IS 'By how much each changes, in the order of partners.';
COMMENT ON COLUMN count_deltas.xact IS 'The transaction that appended it. What is below fold_progress.floor is folded and gone, so nobody walks over dead rows.';

ALTER TABLE pledges ADD COLUMN partner_id uuid;
COMMENT ON COLUMN pledges.partner_id IS 'The partner whose site it came from; NULL: none.';

CREATE TABLE partner_totals (
    campaign_id uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
    partner_id uuid NOT NULL,
    counted bigint NOT NULL CHECK (counted >= 0),
    PRIMARY KEY (campaign_id, partner_id)
);
COMMENT ON TABLE partner_totals IS 'A campaign''s counted pledges by partner, deltas not folded yet left out.';
COMMENT ON COLUMN partner_totals.campaign_id IS 'The campaign.';
COMMENT ON COLUMN partner_totals.partner_id IS 'The partner.';
COMMENT ON COLUMN partner_totals.counted IS 'Exactly how many are counted.';

CREATE TABLE fold_progress (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    floor bigint NOT NULL
);
INSERT INTO fold_progress (floor) VALUES (0);
COMMENT ON TABLE fold_progress IS 'How far the deltas are folded. One row.';
COMMENT ON COLUMN fold_progress.only_row IS 'Always true.';
COMMENT ON COLUMN fold_progress.floor IS 'Every delta of a transaction below this is folded.';

CREATE TABLE time_buckets (
    campaign_id uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
    unit text NOT NULL CHECK (unit IN ('minute', 'hour')),
    begins_at timestamptz NOT NULL,
    counted bigint NOT NULL CHECK (counted >= 0),
    PRIMARY KEY (campaign_id, unit, begins_at)
);
COMMENT ON TABLE time_buckets IS 'A campaign''s counted pledges by the minute (two days) and hour (for ever) of their counted_at, deltas not folded yet left out.';
COMMENT ON COLUMN time_buckets.campaign_id IS 'The campaign.';
COMMENT ON COLUMN time_buckets.unit IS 'minute or hour.';
COMMENT ON COLUMN time_buckets.begins_at IS 'First moment of the minute or hour (UTC).';
COMMENT ON COLUMN time_buckets.counted IS 'How many are counted; one that is gone from the table has none.';

CREATE TABLE country_hours (
    campaign_id uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
    begins_at timestamptz NOT NULL,
    country text NOT NULL,
    counted bigint NOT NULL CHECK (counted >= 0),
    settled bigint NOT NULL DEFAULT 0 CHECK (settled >= 0),
    PRIMARY KEY (campaign_id, begins_at, country)
);
COMMENT ON TABLE country_hours IS 'The same by hour and country.';
COMMENT ON COLUMN country_hours.campaign_id IS 'The campaign.';
COMMENT ON COLUMN country_hours.begins_at IS 'First moment of the hour (UTC).';
COMMENT ON COLUMN country_hours.country IS 'ISO 3166-1 alpha-2, XK or ZZ.';
COMMENT ON COLUMN country_hours.counted IS 'Exactly how many are counted.';
COMMENT ON COLUMN country_hours.settled IS 'How many were when the rounded values were last re-read: what the history of a country is made of.';

ALTER TABLE campaign_totals ADD COLUMN unsettled_from timestamptz;
COMMENT ON COLUMN campaign_totals.unsettled_from IS 'The earliest hour in which counted may differ from settled; NULL: none.';

ALTER TABLE campaigns
    ADD COLUMN publish_every_ms integer NOT NULL DEFAULT 1000 CHECK (publish_every_ms BETWEEN 10 AND 3600000);
COMMENT ON COLUMN campaigns.publish_every_ms IS 'Milliseconds between two published totals, at the least.';

-- These rows are updated each second: room on their pages lets PostgreSQL do it without touching an index.
ALTER TABLE campaign_totals SET (fillfactor = 50);
ALTER TABLE country_totals SET (fillfactor = 50);
ALTER TABLE partner_totals SET (fillfactor = 50);
ALTER TABLE fold_progress SET (fillfactor = 50);

-- Orphans, which doctor tells, belong to no campaign's counts.
INSERT INTO time_buckets (campaign_id, unit, begins_at, counted)
    SELECT campaign_id, 'minute', date_trunc('minute', counted_at, 'UTC'), count(*) FROM pledges
    WHERE state = 'counted' AND counted_at >= now() - interval '2 days'
      AND campaign_id IN (SELECT id FROM campaigns) GROUP BY 1, 3;
INSERT INTO country_hours (campaign_id, begins_at, country, counted, settled)
    SELECT campaign_id, date_trunc('hour', counted_at, 'UTC'), country, count(*), count(*) FROM pledges
    WHERE state = 'counted' AND campaign_id IN (SELECT id FROM campaigns) GROUP BY 1, 2, 3;
INSERT INTO time_buckets (campaign_id, unit, begins_at, counted)
    SELECT campaign_id, 'hour', begins_at, sum(counted) FROM country_hours GROUP BY 1, 3;
