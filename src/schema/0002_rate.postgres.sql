-- works-with: 1
-- Rate limits: definitions, the secret that subjects are hashed with, buckets, refunds given.

CREATE TABLE {schema}.farm_rate_limit (
    space text COLLATE "C" NOT NULL CHECK (octet_length(space) BETWEEN 1 AND 255),
    name text COLLATE "C" NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 255),
    scope bigint NOT NULL CHECK (scope BETWEEN 0 AND 3),
    burst bigint NOT NULL CHECK (burst BETWEEN 1 AND 2147483647),
    count bigint NOT NULL CHECK (count BETWEEN 1 AND 2147483647),
    period_us bigint NOT NULL CHECK (period_us BETWEEN 1 AND 31622400000000),
    ipv4_prefix bigint NOT NULL CHECK (ipv4_prefix BETWEEN 1 AND 32),
    ipv6_prefix bigint NOT NULL CHECK (ipv6_prefix BETWEEN 1 AND 128),
    -- The clock that the limit counts by: nanoseconds in a tick.
    tick_ns bigint NOT NULL CHECK (tick_ns IN (1, 1000, 1000000)),
    -- Part of every bucket's hash: a new one gives every subject a full bucket.
    epoch bytea NOT NULL CHECK (octet_length(epoch) = 16),
    PRIMARY KEY (space, name)
);

CREATE TABLE {schema}.farm_rate_secret (
    space text COLLATE "C" NOT NULL PRIMARY KEY CHECK (octet_length(space) BETWEEN 1 AND 255),
    secret bytea NOT NULL CHECK (octet_length(secret) = 192)
);

-- Whoever knows nothing of a bucket has a full one, so a row may go as soon as its bucket is full,
-- and losing all of them in a crash of the server only fills all buckets: hence UNLOGGED. The
-- free space of each page takes the next version of a row (HOT); expires_hour is the one indexed
-- column that an update changes, and does so once an hour at most.
-- Units: docs/rate.md, "The arithmetic".
CREATE UNLOGGED TABLE {schema}.farm_rate_bucket (
    bucket bytea NOT NULL PRIMARY KEY CHECK (octet_length(bucket) = 16),
    tat bigint NOT NULL CHECK (tat >= 0),
    stamp bigint NOT NULL CHECK (stamp >= 0),
    capacity bigint NOT NULL CHECK (capacity > 0),
    -- How far beyond its capacity a bucket may seem to a node whose clock is behind.
    slack bigint NOT NULL CHECK (slack >= 0),
    expires_hour bigint NOT NULL CHECK (expires_hour BETWEEN 0 AND 2562047788),
    -- Nobody ever gets deeper into a bucket than it is.
    CHECK (tat - stamp <= capacity)
) WITH (fillfactor = 70);

-- global: housekeeping removes what is full, whosever it is, without reading the rest
CREATE INDEX farm_rate_bucket_expires ON {schema}.farm_rate_bucket (expires_hour);

CREATE UNLOGGED TABLE {schema}.farm_rate_refund (
    bucket bytea NOT NULL CHECK (octet_length(bucket) = 16),
    token bytea NOT NULL CHECK (octet_length(token) = 16),
    -- The call that inserted the row, and so the only one that may give anything back for it.
    attempt bytea NOT NULL CHECK (octet_length(attempt) = 16),
    expires_us bigint NOT NULL CHECK (expires_us >= 0),
    PRIMARY KEY (bucket, token)
);

-- global: housekeeping removes what has expired, whosever it is, without reading the rest
CREATE INDEX farm_rate_refund_expires ON {schema}.farm_rate_refund (expires_us);

ALTER TABLE {schema}.farm_rate_limit ENABLE ROW LEVEL SECURITY;
ALTER TABLE {schema}.farm_rate_limit FORCE ROW LEVEL SECURITY;
CREATE POLICY farm_rate_limit_service ON {schema}.farm_rate_limit
    USING (current_setting('farm.actor', true) = 's')
    WITH CHECK (current_setting('farm.actor', true) = 's');

ALTER TABLE {schema}.farm_rate_secret ENABLE ROW LEVEL SECURITY;
ALTER TABLE {schema}.farm_rate_secret FORCE ROW LEVEL SECURITY;
CREATE POLICY farm_rate_secret_service ON {schema}.farm_rate_secret
    USING (current_setting('farm.actor', true) = 's')
    WITH CHECK (current_setting('farm.actor', true) = 's');

ALTER TABLE {schema}.farm_rate_bucket ENABLE ROW LEVEL SECURITY;
ALTER TABLE {schema}.farm_rate_bucket FORCE ROW LEVEL SECURITY;
CREATE POLICY farm_rate_bucket_service ON {schema}.farm_rate_bucket
    USING (current_setting('farm.actor', true) = 's')
    WITH CHECK (current_setting('farm.actor', true) = 's');

ALTER TABLE {schema}.farm_rate_refund ENABLE ROW LEVEL SECURITY;
ALTER TABLE {schema}.farm_rate_refund FORCE ROW LEVEL SECURITY;
CREATE POLICY farm_rate_refund_service ON {schema}.farm_rate_refund
    USING (current_setting('farm.actor', true) = 's')
    WITH CHECK (current_setting('farm.actor', true) = 's');
