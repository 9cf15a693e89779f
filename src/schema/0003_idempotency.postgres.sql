-- works-with: 1
-- Idempotency keys: one row a key, owned by whoever makes the request.

CREATE TABLE {schema}.farm_idempotency (
    owner           text COLLATE "C" NOT NULL CHECK (octet_length(owner) BETWEEN 1 AND 255),
    key             text COLLATE "C" NOT NULL CHECK (octet_length(key) BETWEEN 1 AND 255),
    -- SHA-256 of the operation and the request.
    fingerprint     bytea  NOT NULL CHECK (octet_length(fingerprint) = 32),
    -- Made by the caller who holds the key; zeros once he has given it up.
    token           bytea  NOT NULL CHECK (octet_length(token) = 16),
    -- 1: claimed or given up, 2: finished.
    state           bigint NOT NULL CHECK (state IN (1, 2)),
    locked_until_us bigint NOT NULL CHECK (locked_until_us >= 0),
    step            bigint NOT NULL CHECK (step BETWEEN 0 AND 2147483647),
    code            bigint CHECK (code BETWEEN -2147483648 AND 2147483647),
    data            bytea  NOT NULL CHECK (octet_length(data) <= 1048576),
    created_us      bigint NOT NULL CHECK (created_us >= 0),
    expires_us      bigint NOT NULL,
    PRIMARY KEY (owner, key),
    -- An answer has a code and is held by nobody; what is not finished has none.
    CHECK ((state = 2) = (code IS NOT NULL)),
    CHECK (state = 1 OR locked_until_us = 0),
    -- A key is not forgotten while somebody works under it.
    CHECK (locked_until_us <= expires_us)
);

-- global: housekeeping removes what has expired, whoever owns it, without reading the rest
CREATE INDEX farm_idempotency_expiry ON {schema}.farm_idempotency (expires_us);

ALTER TABLE {schema}.farm_idempotency ENABLE ROW LEVEL SECURITY;
ALTER TABLE {schema}.farm_idempotency FORCE ROW LEVEL SECURITY;
CREATE POLICY farm_idempotency_owner ON {schema}.farm_idempotency
    USING (current_setting('farm.actor', true) = 's'
           OR 'u' || owner = current_setting('farm.actor', true))
    WITH CHECK (current_setting('farm.actor', true) = 's'
                OR 'u' || owner = current_setting('farm.actor', true));
