-- works-with: 4
-- Rate limits in full: windows, holds, overrides, shadow mode, changes that carry buckets over. To
-- an older library a limit of another kind is a token bucket of the same count and period.

ALTER TABLE {schema}.farm_rate_secret
    ADD COLUMN version bigint NOT NULL DEFAULT 0 CHECK (version >= 0),
    ADD COLUMN is_shadow bigint NOT NULL DEFAULT 0 CHECK (is_shadow IN (0, 1));

ALTER TABLE {schema}.farm_rate_limit
    ADD COLUMN algorithm bigint NOT NULL DEFAULT 0 CHECK (algorithm BETWEEN 0 AND 3),
    ADD COLUMN calendar bigint NOT NULL DEFAULT 0 CHECK (calendar BETWEEN 0 AND 5),
    -- POSIX TZ; '' is UTC.
    ADD COLUMN zone text COLLATE "C" NOT NULL DEFAULT '' CHECK (octet_length(zone) <= 64),
    -- 0, of limits from before this: the burst.
    ADD COLUMN initial bigint NOT NULL DEFAULT 0 CHECK (initial BETWEEN 0 AND 2147483647),
    ADD COLUMN stride bigint NOT NULL DEFAULT 0 CHECK (stride >= 0),
    ADD COLUMN is_shadow bigint NOT NULL DEFAULT 0 CHECK (is_shadow IN (0, 1)),
    ADD COLUMN on_error bigint NOT NULL DEFAULT 0 CHECK (on_error BETWEEN 0 AND 2),
    ADD COLUMN node_count bigint NOT NULL DEFAULT 1 CHECK (node_count BETWEEN 1 AND 10000),
    ADD COLUMN jitter_percent bigint NOT NULL DEFAULT 0 CHECK (jitter_percent BETWEEN 0 AND 100),
    ADD COLUMN lease_count bigint NOT NULL DEFAULT 0 CHECK (lease_count BETWEEN 0 AND 2147483647),
    ADD COLUMN denied_us bigint NOT NULL DEFAULT 0 CHECK (denied_us BETWEEN 0 AND 60000000);

-- A calendar has no period of its own.
ALTER TABLE {schema}.farm_rate_limit
    DROP CONSTRAINT farm_rate_limit_period_us_check,
    ADD CHECK (period_us BETWEEN 1 AND 31622400000000 OR (period_us = 0 AND calendar > 0));

ALTER TABLE {schema}.farm_rate_bucket
    -- Used in the window before tat's, by a sliding window.
    ADD COLUMN previous bigint NOT NULL DEFAULT 0 CHECK (previous >= 0),
    -- How far beyond its capacity it was forced.
    ADD COLUMN debt bigint NOT NULL DEFAULT 0 CHECK (debt >= 0),
    -- Of a sliding window when it was last taken from: ticks left, and ticks in all. Else 0 and 1.
    ADD COLUMN share bigint NOT NULL DEFAULT 0 CHECK (share >= 0),
    ADD COLUMN span bigint NOT NULL DEFAULT 1 CHECK (span >= 1);

-- Nobody gets deeper into a bucket than it is, unless it is forced.
ALTER TABLE {schema}.farm_rate_bucket
    DROP CONSTRAINT farm_rate_bucket_check,
    ADD CHECK (tat - stamp <= capacity + debt);

-- What a limit was before its last change of figures, one a limit.
CREATE TABLE {schema}.farm_rate_past (
    space text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    change bigint NOT NULL CHECK (change BETWEEN 0 AND 3),
    changed_us bigint NOT NULL CHECK (changed_us >= 0),
    burst bigint NOT NULL CHECK (burst BETWEEN 1 AND 2147483647),
    count bigint NOT NULL CHECK (count BETWEEN 1 AND 2147483647),
    period_us bigint NOT NULL CHECK (period_us BETWEEN 0 AND 31622400000000),
    tick_ns bigint NOT NULL CHECK (tick_ns IN (1, 1000, 1000000)),
    epoch bytea NOT NULL CHECK (octet_length(epoch) = 16),
    algorithm bigint NOT NULL CHECK (algorithm BETWEEN 0 AND 3),
    calendar bigint NOT NULL CHECK (calendar BETWEEN 0 AND 5),
    zone text COLLATE "C" NOT NULL CHECK (octet_length(zone) <= 64),
    initial bigint NOT NULL CHECK (initial BETWEEN 0 AND 2147483647),
    PRIMARY KEY (space, name)
);

CREATE TABLE {schema}.farm_rate_override (
    space text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    subject bytea NOT NULL CHECK (octet_length(subject) = 16),
    -- Of a network, the bits of its address that count; else 0.
    length bigint NOT NULL CHECK (length BETWEEN 0 AND 128),
    -- 1 figures of its own, 2 exempt, 3 banned.
    rule bigint NOT NULL CHECK (rule BETWEEN 1 AND 3),
    burst bigint NOT NULL CHECK (burst BETWEEN 0 AND 2147483647),
    count bigint NOT NULL CHECK (count BETWEEN 0 AND 2147483647),
    period_us bigint NOT NULL CHECK (period_us BETWEEN 0 AND 31622400000000),
    -- 0: never.
    expires_us bigint NOT NULL CHECK (expires_us >= 0),
    epoch bytea NOT NULL CHECK (octet_length(epoch) = 16),
    PRIMARY KEY (space, name, subject),
    FOREIGN KEY (space, name) REFERENCES {schema}.farm_rate_limit (space, name) ON DELETE CASCADE,
    CHECK (rule <> 1 OR (burst >= 1 AND count >= 1))
);

-- Logged, unlike buckets: a lost hold would let one more in while its holder is still at work.
CREATE TABLE {schema}.farm_rate_hold (
    bucket bytea NOT NULL CHECK (octet_length(bucket) = 16),
    -- Of the decision.
    token bytea NOT NULL CHECK (octet_length(token) = 16),
    cost bigint NOT NULL CHECK (cost BETWEEN 1 AND 2147483647),
    capacity bigint NOT NULL CHECK (capacity BETWEEN 1 AND 2147483647),
    expires_us bigint NOT NULL CHECK (expires_us >= 0),
    PRIMARY KEY (bucket, token),
    CHECK (cost <= capacity)
);

-- global: housekeeping removes what has expired, whosever it is, without reading the rest
CREATE INDEX farm_rate_hold_expires ON {schema}.farm_rate_hold (expires_us);

ALTER TABLE {schema}.farm_rate_past ENABLE ROW LEVEL SECURITY;
ALTER TABLE {schema}.farm_rate_past FORCE ROW LEVEL SECURITY;
CREATE POLICY farm_rate_past_service ON {schema}.farm_rate_past
    USING (current_setting('farm.actor', true) = 's')
    WITH CHECK (current_setting('farm.actor', true) = 's');

ALTER TABLE {schema}.farm_rate_override ENABLE ROW LEVEL SECURITY;
ALTER TABLE {schema}.farm_rate_override FORCE ROW LEVEL SECURITY;
CREATE POLICY farm_rate_override_service ON {schema}.farm_rate_override
    USING (current_setting('farm.actor', true) = 's')
    WITH CHECK (current_setting('farm.actor', true) = 's');

ALTER TABLE {schema}.farm_rate_hold ENABLE ROW LEVEL SECURITY;
ALTER TABLE {schema}.farm_rate_hold FORCE ROW LEVEL SECURITY;
CREATE POLICY farm_rate_hold_service ON {schema}.farm_rate_hold
    USING (current_setting('farm.actor', true) = 's')
    WITH CHECK (current_setting('farm.actor', true) = 's');
