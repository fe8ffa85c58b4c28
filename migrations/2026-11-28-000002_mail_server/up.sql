CREATE TABLE mail_server (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    worked_at timestamptz,
    failing_since timestamptz
);
COMMENT ON TABLE mail_server IS 'How the mail server does, as the instances that send have last seen it; one row, or none before the first mail.';
COMMENT ON COLUMN mail_server.only_row IS 'Always true: there is one row.';
COMMENT ON COLUMN mail_server.worked_at IS 'When it last answered about a mail, within some seconds (database clock); NULL: never.';
COMMENT ON COLUMN mail_server.failing_since IS 'Since when it can''t be used; NULL: it can.';
