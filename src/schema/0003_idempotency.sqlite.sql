-- works-with: 1
-- Idempotency keys: one row a key, owned by whoever makes the request.

CREATE TABLE farm_idempotency (
    owner           TEXT    NOT NULL CHECK (length(CAST(owner AS BLOB)) BETWEEN 1 AND 255),
    key             TEXT    NOT NULL CHECK (length(CAST(key AS BLOB)) BETWEEN 1 AND 255),
    -- SHA-256 of the operation and the request.
    fingerprint     BLOB    NOT NULL CHECK (length(fingerprint) = 32),
    -- Made by the caller who holds the key; zeros once he has given it up.
    token           BLOB    NOT NULL CHECK (length(token) = 16),
    -- 1: claimed or given up, 2: finished.
    state           INTEGER NOT NULL CHECK (state IN (1, 2)),
    locked_until_us INTEGER NOT NULL CHECK (locked_until_us >= 0),
    step            INTEGER NOT NULL CHECK (step BETWEEN 0 AND 2147483647),
    code            INTEGER CHECK (code BETWEEN -2147483648 AND 2147483647),
    data            BLOB    NOT NULL CHECK (length(data) <= 1048576),
    created_us      INTEGER NOT NULL CHECK (created_us >= 0),
    expires_us      INTEGER NOT NULL,
    PRIMARY KEY (owner, key),
    -- An answer has a code and is held by nobody; what is not finished has none.
    CHECK ((state = 2) = (code IS NOT NULL)),
    CHECK (state = 1 OR locked_until_us = 0),
    -- A key is not forgotten while somebody works under it.
    CHECK (locked_until_us <= expires_us)
) STRICT;

-- global: housekeeping removes what has expired, whoever owns it, without reading the rest
CREATE INDEX farm_idempotency_expiry ON farm_idempotency (expires_us);
