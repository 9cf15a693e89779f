-- works-with: 4
-- Rate limits in full: windows, holds, overrides, shadow mode, changes that carry buckets over. To
-- an older library a limit of another kind is a token bucket of the same count and period.

ALTER TABLE farm_rate_secret ADD COLUMN version INTEGER NOT NULL DEFAULT 0 CHECK (version >= 0);
ALTER TABLE farm_rate_secret ADD COLUMN is_shadow INTEGER NOT NULL DEFAULT 0
    CHECK (is_shadow IN (0, 1));

-- SQLite changes no check of a table that is there, so two tables are made anew.
CREATE TABLE farm_rate_limit_new (
    space TEXT NOT NULL CHECK (length(CAST(space AS BLOB)) BETWEEN 1 AND 255),
    name TEXT NOT NULL CHECK (length(CAST(name AS BLOB)) BETWEEN 1 AND 255),
    scope INTEGER NOT NULL CHECK (scope BETWEEN 0 AND 3),
    burst INTEGER NOT NULL CHECK (burst BETWEEN 1 AND 2147483647),
    count INTEGER NOT NULL CHECK (count BETWEEN 1 AND 2147483647),
    period_us INTEGER NOT NULL,
    ipv4_prefix INTEGER NOT NULL CHECK (ipv4_prefix BETWEEN 1 AND 32),
    ipv6_prefix INTEGER NOT NULL CHECK (ipv6_prefix BETWEEN 1 AND 128),
    -- The clock that the limit counts by: nanoseconds in a tick.
    tick_ns INTEGER NOT NULL CHECK (tick_ns IN (1, 1000, 1000000)),
    -- Part of every bucket's hash: a new one gives every subject a full bucket.
    epoch BLOB NOT NULL CHECK (length(epoch) = 16),
    algorithm INTEGER NOT NULL DEFAULT 0 CHECK (algorithm BETWEEN 0 AND 3),
    calendar INTEGER NOT NULL DEFAULT 0 CHECK (calendar BETWEEN 0 AND 5),
    -- POSIX TZ; '' is UTC.
    zone TEXT NOT NULL DEFAULT '' CHECK (length(CAST(zone AS BLOB)) <= 64),
    -- 0, of limits from before this: the burst.
    initial INTEGER NOT NULL DEFAULT 0 CHECK (initial BETWEEN 0 AND 2147483647),
    stride INTEGER NOT NULL DEFAULT 0 CHECK (stride >= 0),
    is_shadow INTEGER NOT NULL DEFAULT 0 CHECK (is_shadow IN (0, 1)),
    on_error INTEGER NOT NULL DEFAULT 0 CHECK (on_error BETWEEN 0 AND 2),
    node_count INTEGER NOT NULL DEFAULT 1 CHECK (node_count BETWEEN 1 AND 10000),
    jitter_percent INTEGER NOT NULL DEFAULT 0 CHECK (jitter_percent BETWEEN 0 AND 100),
    lease_count INTEGER NOT NULL DEFAULT 0 CHECK (lease_count BETWEEN 0 AND 2147483647),
    denied_us INTEGER NOT NULL DEFAULT 0 CHECK (denied_us BETWEEN 0 AND 60000000),
    PRIMARY KEY (space, name),
    -- A calendar has no period of its own.
    CHECK (period_us BETWEEN 1 AND 31622400000000 OR (period_us = 0 AND calendar > 0))
) STRICT, WITHOUT ROWID;
INSERT INTO farm_rate_limit_new (space, name, scope, burst, count, period_us, ipv4_prefix,
    ipv6_prefix, tick_ns, epoch)
SELECT space, name, scope, burst, count, period_us, ipv4_prefix, ipv6_prefix, tick_ns, epoch
FROM farm_rate_limit;
DROP TABLE farm_rate_limit;
ALTER TABLE farm_rate_limit_new RENAME TO farm_rate_limit;

CREATE TABLE farm_rate_bucket_new (
    bucket BLOB NOT NULL PRIMARY KEY CHECK (length(bucket) = 16),
    tat INTEGER NOT NULL CHECK (tat >= 0),
    stamp INTEGER NOT NULL CHECK (stamp >= 0),
    capacity INTEGER NOT NULL CHECK (capacity > 0),
    -- How far beyond its capacity a bucket may seem to a node whose clock is behind.
    slack INTEGER NOT NULL CHECK (slack >= 0),
    expires_hour INTEGER NOT NULL CHECK (expires_hour BETWEEN 0 AND 2562047788),
    -- Used in the window before tat's, by a sliding window.
    previous INTEGER NOT NULL DEFAULT 0 CHECK (previous >= 0),
    -- How far beyond its capacity it was forced.
    debt INTEGER NOT NULL DEFAULT 0 CHECK (debt >= 0),
    -- Of a sliding window when it was last taken from: ticks left, and ticks in all. Else 0 and 1.
    share INTEGER NOT NULL DEFAULT 0 CHECK (share >= 0),
    span INTEGER NOT NULL DEFAULT 1 CHECK (span >= 1),
    -- Nobody gets deeper into a bucket than it is, unless it is forced.
    CHECK (tat - stamp <= capacity + debt)
) STRICT, WITHOUT ROWID;
INSERT INTO farm_rate_bucket_new (bucket, tat, stamp, capacity, slack, expires_hour)
SELECT bucket, tat, stamp, capacity, slack, expires_hour FROM farm_rate_bucket;
DROP TABLE farm_rate_bucket;
ALTER TABLE farm_rate_bucket_new RENAME TO farm_rate_bucket;

-- What a limit was before its last change of figures, one a limit.
CREATE TABLE farm_rate_past (
    space TEXT NOT NULL,
    name TEXT NOT NULL,
    change INTEGER NOT NULL CHECK (change BETWEEN 0 AND 3),
    changed_us INTEGER NOT NULL CHECK (changed_us >= 0),
    burst INTEGER NOT NULL CHECK (burst BETWEEN 1 AND 2147483647),
    count INTEGER NOT NULL CHECK (count BETWEEN 1 AND 2147483647),
    period_us INTEGER NOT NULL CHECK (period_us BETWEEN 0 AND 31622400000000),
    tick_ns INTEGER NOT NULL CHECK (tick_ns IN (1, 1000, 1000000)),
    epoch BLOB NOT NULL CHECK (length(epoch) = 16),
    algorithm INTEGER NOT NULL CHECK (algorithm BETWEEN 0 AND 3),
    calendar INTEGER NOT NULL CHECK (calendar BETWEEN 0 AND 5),
    zone TEXT NOT NULL CHECK (length(CAST(zone AS BLOB)) <= 64),
    initial INTEGER NOT NULL CHECK (initial BETWEEN 0 AND 2147483647),
    PRIMARY KEY (space, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE farm_rate_override (
    space TEXT NOT NULL,
    name TEXT NOT NULL,
    subject BLOB NOT NULL CHECK (length(subject) = 16),
    -- Of a network, the bits of its address that count; else 0.
    length INTEGER NOT NULL CHECK (length BETWEEN 0 AND 128),
    -- 1 figures of its own, 2 exempt, 3 banned.
    rule INTEGER NOT NULL CHECK (rule BETWEEN 1 AND 3),
    burst INTEGER NOT NULL CHECK (burst BETWEEN 0 AND 2147483647),
    count INTEGER NOT NULL CHECK (count BETWEEN 0 AND 2147483647),
    period_us INTEGER NOT NULL CHECK (period_us BETWEEN 0 AND 31622400000000),
    -- 0: never.
    expires_us INTEGER NOT NULL CHECK (expires_us >= 0),
    epoch BLOB NOT NULL CHECK (length(epoch) = 16),
    PRIMARY KEY (space, name, subject),
    FOREIGN KEY (space, name) REFERENCES farm_rate_limit (space, name) ON DELETE CASCADE,
    CHECK (rule <> 1 OR (burst >= 1 AND count >= 1))
) STRICT, WITHOUT ROWID;

CREATE TABLE farm_rate_hold (
    bucket BLOB NOT NULL CHECK (length(bucket) = 16),
    -- Of the decision.
    token BLOB NOT NULL CHECK (length(token) = 16),
    cost INTEGER NOT NULL CHECK (cost BETWEEN 1 AND 2147483647),
    capacity INTEGER NOT NULL CHECK (capacity BETWEEN 1 AND 2147483647),
    expires_us INTEGER NOT NULL CHECK (expires_us >= 0),
    PRIMARY KEY (bucket, token),
    CHECK (cost <= capacity)
) STRICT, WITHOUT ROWID;
