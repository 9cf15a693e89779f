-- Statements of the store itself: the actor, the schema, the clock, a sign of life.

-- name: actor_set
-- params: actor text
-- columns: actor text
-- Row policies go by this. It lasts as long as the transaction, so it is safe behind a pooler.
SELECT :actor AS actor;

-- name: actor_and_timeout_set
-- params: actor text, timeout text
-- columns: actor text, statement_timeout text, lock_timeout text
-- The server gives up too, should this end of the connection be gone.
SELECT :actor AS actor, :timeout AS statement_timeout, :timeout AS lock_timeout;

-- name: ping
-- columns: answer int
SELECT CAST(1 AS BIGINT) AS answer;

-- name: clock_read
-- columns: now_us int
-- 0: the store has no clock of its own.
SELECT CAST(0 AS BIGINT) AS now_us;

-- name: schema_exists
-- columns: present int
SELECT COUNT(*) AS present FROM sqlite_master WHERE name = 'farm_schema';

-- name: schema_read
-- columns: number int, works_with int
-- plan: scan it has one short row a migration
SELECT COALESCE(MAX(number), 0) AS number, COALESCE(MAX(works_with), 0) AS works_with
FROM farm_schema;

-- name: schema_list
-- columns: number int, hash blob
-- plan: scan it has one short row a migration
SELECT number, hash FROM farm_schema ORDER BY number;

-- name: schema_add
-- params: number int, name text, hash blob, works_with int, library int, applied_us int
INSERT INTO farm_schema (number, name, hash, works_with, library, applied_us)
VALUES (:number, :name, :hash, :works_with, :library, :applied_us);

-- name: migrate_lock
-- columns: locked int
-- SQLite's write transaction is the lock itself.
SELECT CAST(1 AS BIGINT) AS locked;

-- name: topic_signal
-- params: now int
-- each: owner text, topic text, value int
-- A topic has a new version by a new random number: no two transactions have to agree on a counter.
INSERT INTO farm_topic (owner, topic, slot, value, changed_us)
VALUES (:owner, :topic, 0, :value, :now)
ON CONFLICT (owner, topic, slot) DO UPDATE SET
    value = excluded.value, changed_us = excluded.changed_us;

-- name: topic_notify
-- columns: answer int
-- Whoever listens is told when the transaction commits. Where nobody can listen, he looks.
SELECT CAST(1 AS BIGINT) AS answer;

-- name: topic_read
-- each: owner text, topic text
-- columns: version int
SELECT CAST(COALESCE(SUM(value), 0) AS BIGINT) AS version
FROM farm_topic
WHERE owner = :owner AND topic = :topic;

-- name: maintain_topics
-- params: now int, budget int
-- A topic that is removed has another version, which wakes those who wait for it once more than
-- need be. 30 days.
DELETE FROM farm_topic
WHERE (owner, topic, slot) IN (SELECT owner, topic, slot FROM farm_topic
                               WHERE changed_us < :now - 2592000000000
                               ORDER BY changed_us LIMIT :budget);
