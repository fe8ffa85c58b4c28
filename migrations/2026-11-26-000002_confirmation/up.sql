-- Campaigns that are there have counted at once so far; a new one says what it does.
ALTER TABLE campaigns
    ADD COLUMN confirmation text NOT NULL DEFAULT 'none' CHECK (confirmation IN ('email', 'none')),
    ADD COLUMN mail_texts jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN campaigns.confirmation IS 'email: a pledge counts once its mailbox has confirmed it; none: at once.';
COMMENT ON COLUMN campaigns.mail_texts IS 'Words of its own for the mails: by language, by key. What isn''t there is the service''s.';

-- Not checked again for the rows that are there: they satisfied narrower rules.
ALTER TABLE pledges
    ADD COLUMN confirmed_at timestamptz,
    ADD COLUMN withdrawn_at timestamptz,
    ADD COLUMN suppressed_at timestamptz,
    DROP CONSTRAINT pledges_state_check,
    DROP CONSTRAINT pledges_state_before_check;
ALTER TABLE pledges
    ADD CONSTRAINT pledges_state_check CHECK (state IN ('awaiting', 'counted', 'removed', 'withdrawn')) NOT VALID,
    ADD CONSTRAINT pledges_state_before_check CHECK (state_before IN ('awaiting', 'counted', 'withdrawn')) NOT VALID,
    ADD CONSTRAINT confirmed_has_a_time CHECK (confirmed_at IS NULL OR counted_at IS NOT NULL) NOT VALID;
COMMENT ON COLUMN pledges.state IS 'awaiting, counted, removed or withdrawn. In every counter exactly while counted.';
COMMENT ON COLUMN pledges.counted_at IS 'When it first became counted (database clock); kept through removal and undo. NULL while awaiting.';
COMMENT ON COLUMN pledges.confirmed_at IS 'When its mailbox confirmed it (database clock); NULL: it didn''t.';
COMMENT ON COLUMN pledges.withdrawn_at IS 'When its owner took it back; NULL: nobody did.';
COMMENT ON COLUMN pledges.suppressed_at IS 'When the owner of the mailbox said that somebody else had entered it: it gets no mail and can''t pledge. NULL: never.';

-- A mailbox that was withdrawn, or hasn't confirmed yet, and pledges again gets a new id in the same row: copies of the old pledge elsewhere must be
-- purged all the same, and the job of retention walks by id and must meet it again.
CREATE TABLE departures (
    pledge_id uuid PRIMARY KEY,
    campaign_id uuid NOT NULL,
    partner_id uuid,
    left_at timestamptz NOT NULL,
    why text NOT NULL CHECK (why IN ('erased', 'withdrawn'))
);
CREATE INDEX departures_by_campaign ON departures (campaign_id, left_at);
COMMENT ON TABLE departures IS 'Pledges that were taken back before their mailbox pledged again: exports name them as gone.';
COMMENT ON COLUMN departures.pledge_id IS 'The id that it had.';
COMMENT ON COLUMN departures.campaign_id IS 'The campaign.';
COMMENT ON COLUMN departures.partner_id IS 'The partner whose site it came from.';
COMMENT ON COLUMN departures.left_at IS 'When it was taken back or erased.';
COMMENT ON COLUMN departures.why IS 'erased or withdrawn.';
CREATE FUNCTION pledge_departed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = 'awaiting' THEN
        -- Sent again before it was confirmed: the mails that are out are good for what was sent last.
        UPDATE mail_links SET pledge_id = NEW.id WHERE pledge_id = OLD.id;
        RETURN NEW;
    END IF;
    INSERT INTO departures (pledge_id, campaign_id, partner_id, left_at, why)
    VALUES (OLD.id, OLD.campaign_id, OLD.partner_id, coalesce(OLD.erased_at, OLD.withdrawn_at, now()),
        CASE WHEN OLD.erased_at IS NULL THEN 'withdrawn' ELSE 'erased' END);
    -- Whoever has one of its links has none of the new pledge's.
    DELETE FROM mail_links WHERE pledge_id = OLD.id;
    RETURN NEW;
END
$$;
CREATE TRIGGER departed BEFORE UPDATE OF id ON pledges FOR EACH ROW WHEN (OLD.id <> NEW.id)
    EXECUTE FUNCTION pledge_departed();

ALTER TABLE count_deltas ADD COLUMN confirmed bigint NOT NULL DEFAULT 0;
ALTER TABLE campaign_totals ADD COLUMN confirmed bigint NOT NULL DEFAULT 0 CHECK (confirmed >= 0);
COMMENT ON COLUMN count_deltas.confirmed IS 'By how many the confirmed ones among the counted change.';
COMMENT ON COLUMN campaign_totals.confirmed IS 'Counted pledges whose mailbox confirmed them.';

CREATE TABLE mail_links (
    id uuid PRIMARY KEY,
    campaign_id uuid NOT NULL,
    pledge_id uuid NOT NULL,
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    code bytea CHECK (octet_length(code) = 16),
    code_attempts smallint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX mail_links_by_pledge ON mail_links (pledge_id);
CREATE INDEX mail_links_by_campaign ON mail_links (campaign_id, id);
COMMENT ON TABLE mail_links IS 'The links that mails carry: whoever has one acts for its pledge. One row a mail that was written.';
COMMENT ON COLUMN mail_links.id IS 'That of the mail (UUIDv7). Stands in the link.';
COMMENT ON COLUMN mail_links.campaign_id IS 'The campaign.';
COMMENT ON COLUMN mail_links.pledge_id IS 'The pledge.';
COMMENT ON COLUMN mail_links.hash IS 'SHA-256 of the secret in the link (256 bits).';
COMMENT ON COLUMN mail_links.code IS 'Keyed hash of the code that can be typed instead; NULL: the mail had none.';
COMMENT ON COLUMN mail_links.code_attempts IS 'How often a code was tried; after five only the link is good.';
COMMENT ON COLUMN mail_links.created_at IS 'When the mail was written first; it confirms for seven days.';

CREATE TABLE mailbox_mails (
    mail_id uuid PRIMARY KEY,
    mailbox uuid NOT NULL,
    written_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX mailbox_mails_by_mailbox ON mailbox_mails (mailbox, written_at);
CREATE INDEX mailbox_mails_by_time ON mailbox_mails (written_at);
COMMENT ON TABLE mailbox_mails IS 'The mails of the last seven days, so that a mailbox gets five at the most.';
COMMENT ON COLUMN mailbox_mails.mail_id IS 'Keyed hash of the mail''s id: whose pledge it was about can''t be seen here.';
COMMENT ON COLUMN mailbox_mails.mailbox IS 'Keyed hash of the mailbox, the same in every campaign: therefore no longer than these days.';
COMMENT ON COLUMN mailbox_mails.written_at IS 'When the mail was written.';

ALTER TABLE retention_runs
    DROP CONSTRAINT retention_runs_what_check,
    ADD CONSTRAINT retention_runs_what_check
        CHECK (what IN ('review_copies', 'keys', 'records', 'sessions', 'unconfirmed', 'mails', 'departures'));
COMMENT ON COLUMN retention_runs.what IS 'review_copies, keys (the salt and the keys of sealed records), records (all that is personal in a pledge), sessions, unconfirmed (pledges that were never confirmed), mails (which mailbox had a mail) or departures (former ids of pledges that were taken back).';
