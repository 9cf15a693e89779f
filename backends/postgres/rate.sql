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
                   WHEN b.tat - excluded.stamp > excluded.capacity + excluded.slack
                   THEN excluded.stamp + excluded.capacity
                   ELSE b.tat + (excluded.tat - excluded.stamp) END,
        stamp = excluded.stamp, capacity = excluded.capacity, slack = excluded.slack,
        expires_hour = excluded.expires_hour
    WHERE b.tat - excluded.stamp + (excluded.tat - excluded.stamp) <= excluded.capacity
       OR b.tat - excluded.stamp > excluded.capacity + excluded.slack
    RETURNING b.tat
)
SELECT CAST(1 AS bigint) AS is_taken, taken.tat FROM taken
UNION ALL
SELECT 0, (SELECT k.tat FROM farm_rate_bucket AS k WHERE k.bucket = :bucket)
WHERE NOT EXISTS (SELECT FROM taken);

-- name: bucket_take_many
-- arrays
-- expect: any
-- All are looked at first, so that a refusal locks nothing. The arrays stand in sub-selects so that
-- the planner cannot count them: it would make a plan anew for every call, which costs more than
-- the call. farm_expect() refuses the whole when a race left only some of the buckets with room.
-- Rows are locked in the order of their keys.
WITH input AS MATERIALIZED (
    SELECT i.bucket, i.now, i.increment, i.capacity, i.slack, i.expires_hour, i.place,
           (SELECT k.tat FROM farm_rate_bucket AS k WHERE k.bucket = i.bucket) AS tat
    FROM unnest((SELECT :bucket), (SELECT :now), (SELECT :increment), (SELECT :capacity),
                (SELECT :slack), (SELECT :expires_hour))
         WITH ORDINALITY AS i (bucket, now, increment, capacity, slack, expires_hour, place)
), denied AS MATERIALIZED (
    SELECT COUNT(*) AS total FROM input
    WHERE tat - now + increment > capacity AND tat - now <= capacity + slack
), taken AS (
    INSERT INTO farm_rate_bucket AS b (bucket, tat, stamp, capacity, slack, expires_hour)
    SELECT bucket, now + increment, now, capacity, slack, expires_hour
    FROM input
    WHERE (SELECT total FROM denied) = 0
    ORDER BY bucket
    ON CONFLICT (bucket) DO UPDATE SET
        tat = CASE WHEN b.tat <= excluded.stamp THEN excluded.tat
                   WHEN b.tat - excluded.stamp > excluded.capacity + excluded.slack
                   THEN excluded.stamp + excluded.capacity
                   ELSE b.tat + (excluded.tat - excluded.stamp) END,
        stamp = excluded.stamp, capacity = excluded.capacity, slack = excluded.slack,
        expires_hour = excluded.expires_hour
    WHERE b.tat - excluded.stamp + (excluded.tat - excluded.stamp) <= excluded.capacity
       OR b.tat - excluded.stamp > excluded.capacity + excluded.slack
    RETURNING b.bucket, b.tat
), met AS MATERIALIZED (
    SELECT farm_expect((SELECT COUNT(*) FROM taken),
                       CASE WHEN (SELECT total FROM denied) = 0
                            THEN (SELECT COUNT(*) FROM input) ELSE 0 END) AS total
)
SELECT input.place - 1 AS ordinal,
       CAST(CASE WHEN met.total = 0 THEN 0 ELSE 1 END AS bigint) AS is_taken,
       COALESCE(taken.tat, input.tat) AS tat
FROM met CROSS JOIN input LEFT JOIN taken ON taken.bucket = input.bucket;

-- name: bucket_read
-- arrays
SELECT i.place - 1 AS ordinal, k.tat
FROM unnest((SELECT :bucket)) WITH ORDINALITY AS i (bucket, place)
CROSS JOIN LATERAL (SELECT b.tat FROM farm_rate_bucket AS b WHERE b.bucket = i.bucket) AS k;

-- name: maintain_bucket
-- Those who tidy up at the same time wait neither for each other nor for a take. The rows are
-- chosen once; as a sub-select they might be chosen anew for each row, and more than the budget.
WITH expired AS MATERIALIZED (
    SELECT bucket FROM farm_rate_bucket
    WHERE expires_hour < :now / 3600000000
    ORDER BY expires_hour LIMIT :budget FOR UPDATE SKIP LOCKED)
DELETE FROM farm_rate_bucket AS held USING expired
WHERE held.bucket = expired.bucket AND held.expires_hour < :now / 3600000000;

-- name: maintain_refund
WITH expired AS MATERIALIZED (
    SELECT bucket, token FROM farm_rate_refund
    WHERE expires_us < :now
    ORDER BY expires_us LIMIT :budget FOR UPDATE SKIP LOCKED)
DELETE FROM farm_rate_refund AS held USING expired
WHERE held.bucket = expired.bucket AND held.token = expired.token AND held.expires_us < :now;
