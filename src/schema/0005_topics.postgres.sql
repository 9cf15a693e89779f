-- works-with: 1
-- Topics: what farm_signal() leaves for farm_wait() to find.

-- No signal waits for another's transaction: each takes a row of its topic that nobody has locked,
-- or makes one. So a topic has as many rows as have signalled it at the same time. The one indexed
-- column that a signal changes does so once a day, so that updates stay in their page (HOT).
CREATE TABLE {schema}.farm_topic (
    owner text COLLATE "C" NOT NULL CHECK (octet_length(owner) BETWEEN 1 AND 255),
    topic text COLLATE "C" NOT NULL CHECK (octet_length(topic) BETWEEN 1 AND 255),
    slot bigint NOT NULL CHECK (slot BETWEEN 0 AND 281474976710655),
    -- Drawn anew with every signal. What a topic's rows sum up to is its version.
    value bigint NOT NULL CHECK (value BETWEEN 1 AND 281474976710655),
    -- The beginning of the day of the last signal.
    changed_us bigint NOT NULL CHECK (changed_us >= 0),
    PRIMARY KEY (owner, topic, slot)
) WITH (fillfactor = 70);

-- global: housekeeping removes what nobody signals any more, whosever it is
CREATE INDEX farm_topic_changed ON {schema}.farm_topic (changed_us);

ALTER TABLE {schema}.farm_topic ENABLE ROW LEVEL SECURITY;
ALTER TABLE {schema}.farm_topic FORCE ROW LEVEL SECURITY;
CREATE POLICY farm_topic_owner ON {schema}.farm_topic
    USING (current_setting('farm.actor', true) = 's'
           OR 'u' || owner = current_setting('farm.actor', true))
    WITH CHECK (current_setting('farm.actor', true) = 's'
                OR 'u' || owner = current_setting('farm.actor', true));
