-- What Postgres says differently of src/store/store.sql.

-- name: actor_set
SELECT set_config('farm.actor', :actor, true);

-- name: actor_and_timeout_set
SELECT set_config('farm.actor', :actor, true), set_config('statement_timeout', :timeout, true),
    set_config('lock_timeout', :timeout, true);

-- name: clock_read
SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint) AS now_us;

-- name: schema_exists
SELECT CAST(CASE WHEN to_regclass('{schema}.farm_schema') IS NULL THEN 0 ELSE 1 END AS bigint)
    AS present;

-- name: migrate_lock
-- A lock of the transaction, so that it also works behind a pooler; there may be no table to lock.
SELECT CAST(1 AS bigint) AS locked
FROM (SELECT pg_advisory_xact_lock(hashtextextended('farm.migrate.{schema}', 0))) AS taken;

-- name: topic_signal
-- Never waits for a transaction that signals the same topic, and so never in a circle: it takes a
-- row that is free, or makes one of its own.
WITH free AS (
    SELECT slot FROM farm_topic
    WHERE owner = :owner AND topic = :topic
    ORDER BY slot LIMIT 1 FOR UPDATE SKIP LOCKED),
told AS (
    UPDATE farm_topic AS held SET value = :value, changed_us = :now
    FROM free
    WHERE held.owner = :owner AND held.topic = :topic AND held.slot = free.slot
    RETURNING held.slot)
INSERT INTO farm_topic (owner, topic, slot, value, changed_us)
SELECT :owner, :topic, :value, :value, :now
WHERE NOT EXISTS (SELECT 1 FROM told)
ON CONFLICT (owner, topic, slot) DO UPDATE SET
    value = excluded.value, changed_us = excluded.changed_us;

-- name: topic_notify
-- The same words of one transaction are one notification.
SELECT CAST(1 AS bigint) AS answer FROM (SELECT pg_notify('farm_topics_{schema}', '')) AS told;

-- name: topic_read
-- arrays
SELECT asked.place - 1 AS ordinal, CAST(COALESCE(SUM(held.value), 0) AS bigint) AS version
FROM unnest(:owner, :topic) WITH ORDINALITY AS asked (owner, topic, place)
LEFT JOIN farm_topic AS held ON held.owner = asked.owner AND held.topic = asked.topic
GROUP BY asked.place;

-- name: maintain_topics
-- Those who tidy up at the same time do not wait for each other, nor for a caller at work.
WITH idle AS MATERIALIZED (
    SELECT owner, topic, slot FROM farm_topic
    WHERE changed_us < :now - 2592000000000
    ORDER BY changed_us LIMIT :budget FOR UPDATE SKIP LOCKED)
DELETE FROM farm_topic AS held USING idle
WHERE held.owner = idle.owner AND held.topic = idle.topic AND held.slot = idle.slot;
