ALTER TABLE removals
    ADD COLUMN state text NOT NULL DEFAULT 'done' CHECK (state IN ('running', 'paused', 'cancelled', 'done', 'undoing')),
    ADD COLUMN paused_because text CHECK (paused_because IN ('moderator', 'quota', 'account')),
    ADD COLUMN expected bigint CHECK (expected >= 0),
    ADD COLUMN put_back bigint NOT NULL DEFAULT 0 CHECK (put_back >= 0),
    ADD COLUMN counted_back bigint NOT NULL DEFAULT 0 CHECK (counted_back >= 0),
    ADD COLUMN last_at timestamptz NOT NULL DEFAULT now(),
    DROP CONSTRAINT removals_pledges_check,
    -- One by a search begins with none.
    ADD CONSTRAINT removals_pledges_check CHECK (pledges >= 0),
    ADD CONSTRAINT paused_has_a_cause CHECK ((state = 'paused') = (paused_because IS NOT NULL));
UPDATE removals SET last_at = created_at;
COMMENT ON COLUMN removals.state IS 'running, paused, cancelled (what it took out stays out), done, or undoing; undone ones stay as they were and have undone_at.';
COMMENT ON COLUMN removals.paused_because IS 'Of a paused one: a moderator said so, the account has removed as many as it may (quota), or it was closed (account).';
COMMENT ON COLUMN removals.expected IS 'How many pledges fitted the search when it began; NULL: they were named one by one.';
COMMENT ON COLUMN removals.put_back IS 'How many of them an undo in the background has put back.';
COMMENT ON COLUMN removals.counted_back IS 'How many of those count again.';
COMMENT ON COLUMN removals.last_at IS 'When it last took pledges out.';

CREATE TABLE removal_work (
    removal_id uuid PRIMARY KEY REFERENCES removals ON DELETE CASCADE,
    undo boolean NOT NULL,
    moderator_id uuid NOT NULL REFERENCES moderators,
    note text,
    search jsonb,
    began_at timestamptz NOT NULL DEFAULT now(),
    recent_from uuid NOT NULL,
    part smallint NOT NULL CHECK (part BETWEEN 0 AND 2),
    number bigint NOT NULL DEFAULT 0,
    id uuid NOT NULL,
    change jsonb NOT NULL DEFAULT '{}',
    paused_at timestamptz,
    worker uuid,
    leased_until timestamptz NOT NULL DEFAULT now(),
    worked_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT a_removal_has_a_search CHECK (undo = (search IS NULL) AND undo = (note IS NOT NULL))
);
CREATE INDEX removal_work_by_moderator ON removal_work (moderator_id);
COMMENT ON TABLE removal_work IS 'Removals by a search, and undos of large ones, as long as they are under way or paused.';
COMMENT ON COLUMN removal_work.removal_id IS 'The removal.';
COMMENT ON COLUMN removal_work.undo IS 'Whether it is being undone.';
COMMENT ON COLUMN removal_work.moderator_id IS 'For whom: who began it, or resumed it last.';
COMMENT ON COLUMN removal_work.note IS 'Why it is undone.';
COMMENT ON COLUMN removal_work.search IS 'What is looked for; tags among it go with this row. NULL: it is an undo.';
COMMENT ON COLUMN removal_work.began_at IS 'When; pledges that are stored later are left alone.';
COMMENT ON COLUMN removal_work.recent_from IS 'From this id on the pledges are looked through one by one, below it by the index of the search.';
COMMENT ON COLUMN removal_work.part IS 'How far it is: 0 among what had changed and the index didn''t know, 1 among recent ids, 2 among the others.';
COMMENT ON COLUMN removal_work.number IS 'In part 0: changes with numbers up to here are done.';
COMMENT ON COLUMN removal_work.id IS 'In parts 1 and 2: ids from here on are done; of an undo: up to here.';
COMMENT ON COLUMN removal_work.change IS 'By how much the counts of countries have changed by it.';
COMMENT ON COLUMN removal_work.paused_at IS 'Since when it is paused; NULL: it is not.';
COMMENT ON COLUMN removal_work.worker IS 'The instance that works on it.';
COMMENT ON COLUMN removal_work.leased_until IS 'Until then no other instance does.';
COMMENT ON COLUMN removal_work.worked_at IS 'When it last went on; who has waited longest is next.';
