CREATE TABLE clusters (
    campaign_id uuid PRIMARY KEY REFERENCES campaigns ON DELETE CASCADE,
    looked_at timestamptz NOT NULL,
    since timestamptz,
    compared bigint NOT NULL,
    found jsonb NOT NULL
);
COMMENT ON TABLE clusters IS 'What stands out among the pledges of the last day, as of the last look; a row for each open campaign. It has tags, so it is written anew with each look and goes when its campaign closes.';
COMMENT ON COLUMN clusters.campaign_id IS 'The campaign.';
COMMENT ON COLUMN clusters.looked_at IS 'When the last look was (database clock).';
COMMENT ON COLUMN clusters.since IS 'When the oldest pledge that was compared was stored; NULL: there was none.';
COMMENT ON COLUMN clusters.compared IS 'How many pledges were compared.';
COMMENT ON COLUMN clusters.found IS 'The clusters, the highest score first (src/gate/waves/clusters.rs).';
