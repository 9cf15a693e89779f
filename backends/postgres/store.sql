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
