-- works-with: 1
-- Rate limits: definitions, the secret that subjects are hashed with, buckets, refunds given.

CREATE TABLE farm_rate_limit (
    space TEXT NOT NULL CHECK (length(CAST(space AS BLOB)) BETWEEN 1 AND 255),
    name TEXT NOT NULL CHECK (length(CAST(name AS BLOB)) BETWEEN 1 AND 255),
    scope INTEGER NOT NULL CHECK (scope BETWEEN 0 AND 3),
    burst INTEGER NOT NULL CHECK (burst BETWEEN 1 AND 2147483647),
    count INTEGER NOT NULL CHECK (count BETWEEN 1 AND 2147483647),
    period_us INTEGER NOT NULL CHECK (period_us BETWEEN 1 AND 31622400000000),
    ipv4_prefix INTEGER NOT NULL CHECK (ipv4_prefix BETWEEN 1 AND 32),
    ipv6_prefix INTEGER NOT NULL CHECK (ipv6_prefix BETWEEN 1 AND 128),
    -- The clock that the limit counts by: nanoseconds in a tick.
    tick_ns INTEGER NOT NULL CHECK (tick_ns IN (1, 1000, 1000000)),
    -- Part of every bucket's hash: a new one gives every subject a full bucket.
    epoch BLOB NOT NULL CHECK (length(epoch) = 16),
    PRIMARY KEY (space, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE farm_rate_secret (
    space TEXT NOT NULL PRIMARY KEY CHECK (length(CAST(space AS BLOB)) BETWEEN 1 AND 255),
    secret BLOB NOT NULL CHECK (length(secret) = 192)
) STRICT, WITHOUT ROWID;

-- Whoever knows nothing of a bucket has a full one, so a row may go as soon as its bucket is full.
-- Units: docs/rate.md, "The arithmetic".
CREATE TABLE farm_rate_bucket (
    bucket BLOB NOT NULL PRIMARY KEY CHECK (length(bucket) = 16),
    tat INTEGER NOT NULL CHECK (tat >= 0),
    stamp INTEGER NOT NULL CHECK (stamp >= 0),
    capacity INTEGER NOT NULL CHECK (capacity > 0),
    -- How far beyond its capacity a bucket may seem to a node whose clock is behind.
    slack INTEGER NOT NULL CHECK (slack >= 0),
    expires_hour INTEGER NOT NULL CHECK (expires_hour BETWEEN 0 AND 2562047788),
    -- Nobody ever gets deeper into a bucket than it is.
    CHECK (tat - stamp <= capacity)
) STRICT, WITHOUT ROWID;

CREATE TABLE farm_rate_refund (
    bucket BLOB NOT NULL CHECK (length(bucket) = 16),
    token BLOB NOT NULL CHECK (length(token) = 16),
    -- The call that inserted the row, and so the only one that may give anything back for it.
    attempt BLOB NOT NULL CHECK (length(attempt) = 16),
    expires_us INTEGER NOT NULL CHECK (expires_us >= 0),
    PRIMARY KEY (bucket, token)
) STRICT, WITHOUT ROWID;
