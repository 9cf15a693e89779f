-- works-with: 1
-- For whom books and accounts are kept.

CREATE TABLE {schema}.farm_ledger_owner (
    book bigint NOT NULL REFERENCES {schema}.farm_ledger_book (book),
    -- 0: the book itself.
    account bigint NOT NULL CHECK (account >= 0),
    entity text COLLATE "C" NOT NULL CHECK (octet_length(entity) BETWEEN 1 AND 255),
    PRIMARY KEY (book, account)
);

ALTER TABLE {schema}.farm_ledger_owner ENABLE ROW LEVEL SECURITY;
ALTER TABLE {schema}.farm_ledger_owner FORCE ROW LEVEL SECURITY;
CREATE POLICY farm_ledger_owner_service ON {schema}.farm_ledger_owner
    USING (current_setting('farm.actor', true) = 's')
    WITH CHECK (current_setting('farm.actor', true) = 's');
