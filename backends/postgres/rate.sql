-- Where Postgres differs: a denied take is answered in the same round trip.
--
-- What the statements below read besides is the statement's snapshot, and only says how things
-- stand or saves work. What decides is the WHERE behind ON CONFLICT, which sees the row as it is
-- once it is locked. When the two disagree, a race was lost and the caller asks again.

-- name: bucket_take
-- expect: any
-- Measured with the bare upsert in turns: 0.91 to 0.95 of its takes a second, where a look before
-- it (as below) makes 0.86 to 0.93, and a second round trip for the denied costs them twice.
WITH taken AS (
    INSERT INTO farm_rate_bucket AS b (bucket, tat, stamp, capacity, slack, expires_hour)
    VALUES (:bucket, :now + :increment, :now, :capacity, :slack, :expires_hour)
    ON CONFLICT (bucket) DO UPDATE SET
        tat = CASE WHEN b.tat <= excluded.stamp THEN excluded.tat
                   WHEN {is_stray} THEN excluded.stamp + excluded.capacity
                   ELSE b.tat + (excluded.tat - excluded.stamp) END,
        stamp = excluded.stamp, capacity = excluded.capacity, slack = excluded.slack, debt = 0,
        expires_hour = excluded.expires_hour
    WHERE b.tat - excluded.stamp + (excluded.tat - excluded.stamp) <= excluded.capacity
       OR {is_stray}
    RETURNING b.tat
)
SELECT CAST(1 AS bigint) AS is_taken, taken.tat, CAST(0 AS bigint) AS debt FROM taken
UNION ALL
SELECT 0, k.tat, k.debt
FROM (SELECT 1) AS always LEFT JOIN farm_rate_bucket AS k ON k.bucket = :bucket
WHERE NOT EXISTS (SELECT FROM taken);

-- name: bucket_take_many
-- arrays
-- expect: any
-- All are looked at first, so that a refusal locks nothing. The arrays stand in sub-selects so that
-- the planner cannot count them: it would make a plan anew for every call, which costs more than
-- the call. farm_expect() refuses the whole when a race left only some of the buckets with room.
-- Rows are locked in the order of their keys.
WITH input AS MATERIALIZED (
    SELECT i.bucket, excluded.*, i.place, b.tat AS known_tat, b.previous AS known_previous,
           b.debt AS known_debt, b.tat IS NULL OR {take_fits} AS fits
    FROM unnest((SELECT :bucket), (SELECT :now), (SELECT :increment), (SELECT :capacity),
                (SELECT :slack), (SELECT :expires_hour), (SELECT :share), (SELECT :span))
         WITH ORDINALITY AS i (bucket, now, increment, capacity, slack, expires_hour, share, span,
                               place)
    CROSS JOIN LATERAL (SELECT i.now + i.increment AS tat, i.now AS stamp, i.capacity, i.slack,
                               i.expires_hour, i.share, i.span) AS excluded
    LEFT JOIN LATERAL (SELECT k.tat, k.previous, k.debt FROM farm_rate_bucket AS k
                       WHERE k.bucket = i.bucket OFFSET 0) AS b ON true
), denied AS MATERIALIZED (
    SELECT COUNT(*) AS total FROM input WHERE NOT fits
), taken AS (
    INSERT INTO farm_rate_bucket AS b (bucket, tat, stamp, capacity, slack, expires_hour, share,
        span)
    SELECT bucket, tat, stamp, capacity, slack, expires_hour, share, span
    FROM input
    WHERE (SELECT total FROM denied) = 0
    ORDER BY bucket
    ON CONFLICT (bucket) DO UPDATE SET {take_changes} WHERE {take_fits}
    RETURNING b.bucket, b.tat, b.previous, b.debt
), met AS MATERIALIZED (
    SELECT farm_expect((SELECT COUNT(*) FROM taken),
                       CASE WHEN (SELECT total FROM denied) = 0
                            THEN (SELECT COUNT(*) FROM input) ELSE 0 END) AS total
)
SELECT input.place - 1 AS ordinal,
       CAST(CASE WHEN met.total = 0 THEN 0 ELSE 1 END AS bigint) AS is_taken,
       COALESCE(taken.tat, input.known_tat) AS tat,
       COALESCE(taken.previous, input.known_previous) AS previous,
       COALESCE(taken.debt, input.known_debt) AS debt
FROM met CROSS JOIN input LEFT JOIN taken ON taken.bucket = input.bucket;

-- name: bucket_read
-- arrays
SELECT i.place - 1 AS ordinal, k.tat, k.previous, k.debt
FROM unnest((SELECT :bucket)) WITH ORDINALITY AS i (bucket, place)
CROSS JOIN LATERAL (SELECT b.tat, b.previous, b.debt FROM farm_rate_bucket AS b
                    WHERE b.bucket = i.bucket OFFSET 0) AS k;

-- name: hold_take
-- The lock ends with the transaction, so it is safe behind a pooler; the second statement sees what
-- whoever had it before has written. Its number is a part of the bucket's.
SELECT pg_advisory_xact_lock(CAST(CAST('x' || encode(substr(:bucket, 1, 8), 'hex') AS bit(64))
                                  AS bigint));
{hold_row};

-- name: hold_try
SELECT pg_advisory_xact_lock(CAST(CAST('x' || encode(substr(:bucket, 1, 8), 'hex') AS bit(64))
                                  AS bigint));
WITH before AS (
    SELECT COALESCE(SUM(h.cost), 0) AS held, MIN(h.expires_us) AS earliest_us
    FROM farm_rate_hold AS h WHERE h.bucket = :bucket AND h.expires_us > :now
), taken AS (
    INSERT INTO farm_rate_hold (bucket, token, cost, capacity, expires_us)
    SELECT :bucket, :token, :cost, :capacity, :expires_us
    FROM before WHERE before.held + :cost <= :capacity
    RETURNING cost, expires_us
)
SELECT CAST(CASE WHEN taken.cost IS NULL THEN 0 ELSE 1 END AS bigint) AS is_taken,
       CAST(before.held + COALESCE(taken.cost, 0) AS bigint) AS held,
       COALESCE(LEAST(before.earliest_us, taken.expires_us), 0) AS earliest_us
FROM before LEFT JOIN taken ON true;

-- name: bucket_reset
-- Under the lock of the holds: a hold that is being taken is either gone afterwards, or was taken
-- by one who saw none.
SELECT pg_advisory_xact_lock(CAST(CAST('x' || encode(substr(:bucket, 1, 8), 'hex') AS bit(64))
                                  AS bigint));
DELETE FROM farm_rate_hold WHERE bucket = :bucket;
DELETE FROM farm_rate_bucket WHERE bucket = :bucket;

-- name: maintain_bucket
-- Those who tidy up at the same time wait neither for each other nor for a take. The rows are
-- chosen once; as a sub-select they might be chosen anew for each row, and more than the budget.
WITH expired AS MATERIALIZED (
    SELECT bucket FROM farm_rate_bucket
    WHERE expires_hour < :now / 3600000000
    ORDER BY expires_hour LIMIT :budget FOR UPDATE SKIP LOCKED)
DELETE FROM farm_rate_bucket AS held USING expired
WHERE held.bucket = expired.bucket AND held.expires_hour < :now / 3600000000;

-- name: maintain_hold
WITH expired AS MATERIALIZED (
    SELECT bucket, token FROM farm_rate_hold
    WHERE expires_us <= :now
    ORDER BY expires_us LIMIT :budget FOR UPDATE SKIP LOCKED)
DELETE FROM farm_rate_hold AS held USING expired
WHERE held.bucket = expired.bucket AND held.token = expired.token AND held.expires_us <= :now;

-- name: maintain_refund
WITH expired AS MATERIALIZED (
    SELECT bucket, token FROM farm_rate_refund
    WHERE expires_us < :now
    ORDER BY expires_us LIMIT :budget FOR UPDATE SKIP LOCKED)
DELETE FROM farm_rate_refund AS held USING expired
WHERE held.bucket = expired.bucket AND held.token = expired.token AND held.expires_us < :now;
