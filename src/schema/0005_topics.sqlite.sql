-- works-with: 1
-- Topics: what farm_signal() leaves for farm_wait() to find.

CREATE TABLE farm_topic (
    owner      TEXT    NOT NULL CHECK (length(CAST(owner AS BLOB)) BETWEEN 1 AND 255),
    topic      TEXT    NOT NULL CHECK (length(CAST(topic AS BLOB)) BETWEEN 1 AND 255),
    -- A topic has one row here; on Postgres it has one for each that signalled at the same time.
    slot       INTEGER NOT NULL CHECK (slot BETWEEN 0 AND 281474976710655),
    -- Drawn anew with every signal. What a topic's rows sum up to is its version.
    value      INTEGER NOT NULL CHECK (value BETWEEN 1 AND 281474976710655),
    -- The beginning of the day of the last signal.
    changed_us INTEGER NOT NULL CHECK (changed_us >= 0),
    PRIMARY KEY (owner, topic, slot)
) STRICT, WITHOUT ROWID;

-- global: housekeeping removes what nobody signals any more, whosever it is
CREATE INDEX farm_topic_changed ON farm_topic (changed_us);
