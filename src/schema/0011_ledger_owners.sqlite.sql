-- works-with: 1
-- For whom books and accounts are kept.

CREATE TABLE farm_ledger_owner (
    book    INTEGER NOT NULL REFERENCES farm_ledger_book (book),
    -- 0: the book itself.
    account INTEGER NOT NULL CHECK (account >= 0),
    entity  TEXT    NOT NULL CHECK (length(CAST(entity AS BLOB)) BETWEEN 1 AND 255),
    PRIMARY KEY (book, account)
) STRICT, WITHOUT ROWID;
