CREATE TABLE alert_mailboxes (
    id uuid PRIMARY KEY,
    campaign_id uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
    sealed bytea NOT NULL,
    score_from smallint NOT NULL CHECK (score_from BETWEEN 200 AND 1000),
    added_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX alert_mailboxes_by_campaign ON alert_mailboxes (campaign_id);
COMMENT ON TABLE alert_mailboxes IS 'Who is written to when something stands out among the pledges of a campaign. A row goes when its campaign''s retention has ended.';
COMMENT ON COLUMN alert_mailboxes.id IS 'UUIDv7.';
COMMENT ON COLUMN alert_mailboxes.campaign_id IS 'The campaign.';
COMMENT ON COLUMN alert_mailboxes.sealed IS 'The address, sealed under a key of the server''s for this row.';
COMMENT ON COLUMN alert_mailboxes.score_from IS 'From this score of a cluster on.';
COMMENT ON COLUMN alert_mailboxes.added_at IS 'When it was added (database clock).';

CREATE TABLE cluster_alerts (
    mailbox_id uuid NOT NULL REFERENCES alert_mailboxes ON DELETE CASCADE,
    common text NOT NULL,
    value text NOT NULL,
    alerted_at timestamptz NOT NULL,
    PRIMARY KEY (mailbox_id, common, value)
);
COMMENT ON TABLE cluster_alerts IS 'Clusters that somebody was written to about in the last hour, so that nobody is again within it.';
COMMENT ON COLUMN cluster_alerts.mailbox_id IS 'Who.';
COMMENT ON COLUMN cluster_alerts.common IS 'What the pledges of the cluster have in common.';
COMMENT ON COLUMN cluster_alerts.value IS 'Its value: a tag, a country, a partner, a signal or a minute.';
COMMENT ON COLUMN cluster_alerts.alerted_at IS 'When (database clock).';

ALTER TABLE mail_outbox DROP CONSTRAINT mail_outbox_kind_check;
ALTER TABLE mail_outbox
    ADD CONSTRAINT mail_outbox_kind_check CHECK (kind IN ('pledge', 'access', 'trial_mailbox', 'alert')) NOT VALID;
COMMENT ON COLUMN mail_outbox.kind IS 'pledge (somebody pledged with this mailbox), access (somebody asked with this address to see their pledge), trial_mailbox (mails of a partner''s trials are to go to this address) or alert (something stands out among the pledges, and this address is told).';
COMMENT ON COLUMN mail_outbox.fingerprint IS 'The fingerprint of the pledge that it is about; of trial_mailbox, the partner''s id; of alert, that of the alert mailbox.';
