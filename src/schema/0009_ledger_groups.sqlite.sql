-- works-with: 1
-- Groups of accounts, in trees. Nothing is summed here: a sum is made when it is asked for, so that
-- whoever posts writes no row of a group.

CREATE TABLE farm_ledger_group (
    book         INTEGER NOT NULL REFERENCES farm_ledger_book (book),
    id           BLOB    NOT NULL CHECK (length(id) = 16 AND id <> zeroblob(16)),
    -- The group that it stands below; NULL: none.
    parent_id    BLOB,
    -- 1: it stands below none. As each is one deeper than the one that it stands below, which the
    -- key says, no circle can come about.
    depth        INTEGER NOT NULL CHECK (depth BETWEEN 1 AND 16),
    parent_depth INTEGER NOT NULL CHECK (parent_depth = depth - 1),
    created_us   INTEGER NOT NULL CHECK (created_us >= 0),
    PRIMARY KEY (book, id),
    UNIQUE (book, id, depth),
    CHECK ((parent_id IS NULL) = (depth = 1)),
    FOREIGN KEY (book, parent_id, parent_depth) REFERENCES farm_ledger_group (book, id, depth)
) STRICT, WITHOUT ROWID;

-- global: an id is one group's wherever it is, so that a repeat in another book is told so
CREATE UNIQUE INDEX farm_ledger_group_id ON farm_ledger_group (id);
CREATE INDEX farm_ledger_group_below ON farm_ledger_group (book, parent_id)
    WHERE parent_id IS NOT NULL;

-- The accounts that are in a group.
CREATE TABLE farm_ledger_member (
    book     INTEGER NOT NULL,
    group_id BLOB    NOT NULL,
    account  INTEGER NOT NULL,
    PRIMARY KEY (book, group_id, account),
    FOREIGN KEY (book, group_id) REFERENCES farm_ledger_group (book, id),
    FOREIGN KEY (book, account) REFERENCES farm_ledger_account (book, number)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER farm_ledger_group_kept_update BEFORE UPDATE ON farm_ledger_group BEGIN
    SELECT RAISE(ABORT, 'a group is never changed');
END;
CREATE TRIGGER farm_ledger_group_kept_delete BEFORE DELETE ON farm_ledger_group BEGIN
    SELECT RAISE(ABORT, 'a group is never deleted');
END;
CREATE TRIGGER farm_ledger_member_kept BEFORE UPDATE ON farm_ledger_member BEGIN
    SELECT RAISE(ABORT, 'a member is put in or taken out, and never changed');
END;
