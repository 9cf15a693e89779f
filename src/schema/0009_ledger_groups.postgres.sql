-- works-with: 1
-- Groups of accounts, in trees. Nothing is summed here: a sum is made when it is asked for, so that
-- whoever posts writes no row of a group.

CREATE TABLE {schema}.farm_ledger_group (
    book bigint NOT NULL REFERENCES {schema}.farm_ledger_book (book),
    id bytea NOT NULL CHECK (octet_length(id) = 16 AND id <> '\x00000000000000000000000000000000'),
    -- The group that it stands below; NULL: none.
    parent_id bytea,
    -- 1: it stands below none. As each is one deeper than the one that it stands below, which the
    -- key says, no circle can come about.
    depth bigint NOT NULL CHECK (depth BETWEEN 1 AND 16),
    parent_depth bigint NOT NULL CHECK (parent_depth = depth - 1),
    created_us bigint NOT NULL CHECK (created_us >= 0),
    PRIMARY KEY (book, id),
    UNIQUE (book, id, depth),
    CHECK ((parent_id IS NULL) = (depth = 1)),
    FOREIGN KEY (book, parent_id, parent_depth)
        REFERENCES {schema}.farm_ledger_group (book, id, depth)
);

-- global: an id is one group's wherever it is, so that a repeat in another book is told so
CREATE UNIQUE INDEX farm_ledger_group_id ON {schema}.farm_ledger_group (id);
CREATE INDEX farm_ledger_group_below ON {schema}.farm_ledger_group (book, parent_id)
    WHERE parent_id IS NOT NULL;

-- The accounts that are in a group.
CREATE TABLE {schema}.farm_ledger_member (
    book bigint NOT NULL,
    group_id bytea NOT NULL,
    account bigint NOT NULL,
    PRIMARY KEY (book, group_id, account),
    FOREIGN KEY (book, group_id) REFERENCES {schema}.farm_ledger_group (book, id),
    FOREIGN KEY (book, account) REFERENCES {schema}.farm_ledger_account (book, number)
);

CREATE TRIGGER farm_ledger_group_kept BEFORE UPDATE OR DELETE ON {schema}.farm_ledger_group
    FOR EACH ROW EXECUTE FUNCTION {schema}.farm_ledger_keep();
CREATE TRIGGER farm_ledger_group_kept_whole BEFORE TRUNCATE ON {schema}.farm_ledger_group
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.farm_ledger_keep();
CREATE TRIGGER farm_ledger_member_kept BEFORE UPDATE ON {schema}.farm_ledger_member
    FOR EACH ROW EXECUTE FUNCTION {schema}.farm_ledger_keep();
CREATE TRIGGER farm_ledger_member_kept_whole BEFORE TRUNCATE ON {schema}.farm_ledger_member
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.farm_ledger_keep();

ALTER TABLE {schema}.farm_ledger_group ENABLE ROW LEVEL SECURITY;
ALTER TABLE {schema}.farm_ledger_group FORCE ROW LEVEL SECURITY;
CREATE POLICY farm_ledger_group_service ON {schema}.farm_ledger_group
    USING (current_setting('farm.actor', true) = 's')
    WITH CHECK (current_setting('farm.actor', true) = 's');

ALTER TABLE {schema}.farm_ledger_member ENABLE ROW LEVEL SECURITY;
ALTER TABLE {schema}.farm_ledger_member FORCE ROW LEVEL SECURITY;
CREATE POLICY farm_ledger_member_service ON {schema}.farm_ledger_member
    USING (current_setting('farm.actor', true) = 's')
    WITH CHECK (current_setting('farm.actor', true) = 's');
