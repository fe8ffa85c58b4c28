CREATE TABLE pledges_put_back (
    pledge_id uuid PRIMARY KEY,
    campaign_id uuid NOT NULL,
    until timestamptz NOT NULL
);
COMMENT ON TABLE pledges_put_back IS 'Pledges that an undo has put back and that rules which were in force then would take again: they are left alone.';
COMMENT ON COLUMN pledges_put_back.pledge_id IS 'The pledge, which may be gone by now.';
COMMENT ON COLUMN pledges_put_back.campaign_id IS 'The campaign.';
COMMENT ON COLUMN pledges_put_back.until IS 'When the last of those rules ends, and the row is deleted. Rules that are made later look at later pledges only.';
