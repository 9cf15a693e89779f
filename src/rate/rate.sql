-- Statements of the rate limits. Times and amounts of a bucket are in its limit's own units
-- (docs/rate.md, "The arithmetic"); they are bounded by rate_units_choose() so that no sum here
-- overflows.

-- name: secret_make
-- params: space text, secret blob
-- The first who defines a limit makes the secret of its space.
INSERT INTO farm_rate_secret (space, secret) VALUES (:space, :secret)
ON CONFLICT (space) DO NOTHING;

-- name: secret_read
-- params: space text
-- columns: secret blob
SELECT secret FROM farm_rate_secret WHERE space = :space;

-- name: limit_list
-- params: space text
-- columns: name text, scope int, burst int, count int, period_us int
-- columns: ipv4_prefix int, ipv6_prefix int, tick_ns int, epoch blob
SELECT name, scope, burst, count, period_us, ipv4_prefix, ipv6_prefix, tick_ns, epoch
FROM farm_rate_limit WHERE space = :space ORDER BY name;

-- name: limit_define
-- params: space text, epoch blob
-- each: name text, scope int, burst int, count int, period_us int
-- each: ipv4_prefix int, ipv6_prefix int, tick_ns int
-- The epoch stays while the units of a bucket and the meaning of its subject stay.
INSERT INTO farm_rate_limit AS l (space, name, scope, burst, count, period_us, ipv4_prefix,
    ipv6_prefix, tick_ns, epoch)
VALUES (:space, :name, :scope, :burst, :count, :period_us, :ipv4_prefix, :ipv6_prefix, :tick_ns,
    :epoch)
ON CONFLICT (space, name) DO UPDATE SET
    scope = excluded.scope, burst = excluded.burst, count = excluded.count,
    period_us = excluded.period_us, ipv4_prefix = excluded.ipv4_prefix,
    ipv6_prefix = excluded.ipv6_prefix, tick_ns = excluded.tick_ns,
    epoch = CASE WHEN l.scope = excluded.scope AND l.count = excluded.count
                  AND l.period_us = excluded.period_us AND l.tick_ns = excluded.tick_ns
                  AND l.ipv4_prefix = excluded.ipv4_prefix
                  AND l.ipv6_prefix = excluded.ipv6_prefix
                 THEN l.epoch ELSE excluded.epoch END
WHERE l.scope <> excluded.scope OR l.burst <> excluded.burst OR l.count <> excluded.count
   OR l.period_us <> excluded.period_us OR l.ipv4_prefix <> excluded.ipv4_prefix
   OR l.ipv6_prefix <> excluded.ipv6_prefix OR l.tick_ns <> excluded.tick_ns;

-- name: limit_remove
-- params: space text, name text
DELETE FROM farm_rate_limit WHERE space = :space AND name = :name;

-- name: bucket_take
-- params: bucket blob, now int, increment int, capacity int, slack int, expires_hour int
-- columns: is_taken int, tat int?
-- expect: 1                       a miss takes nothing
-- The rule itself: the WHERE decides, under the row's lock, so that nothing is read and then
-- written. A debt beyond capacity and slack can only come from a clock that was set back.
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
RETURNING CAST(1 AS BIGINT) AS is_taken, tat;

-- name: bucket_take_many
-- each: bucket blob, now int, increment int, capacity int, slack int, expires_hour int
-- columns: is_taken int, tat int?
-- expect: 1                       a miss takes nothing from any of them
-- bucket_take for several buckets, in the order of their keys.
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
RETURNING CAST(1 AS BIGINT) AS is_taken, tat;

-- name: bucket_look
-- each: bucket blob, now int, capacity int, slack int
-- columns: tat int?
-- expect: 1                       a miss takes nothing from the others
-- A cost of 0 in a take: the bucket must not be in debt beyond its capacity. Answers its state.
SELECT (SELECT b.tat FROM farm_rate_bucket AS b WHERE b.bucket = :bucket) AS tat
WHERE NOT EXISTS (SELECT 1 FROM farm_rate_bucket AS b WHERE b.bucket = :bucket
                  AND b.tat - :now > :capacity AND b.tat - :now <= :capacity + :slack);

-- name: bucket_read
-- each: bucket blob
-- columns: tat int
SELECT tat FROM farm_rate_bucket WHERE bucket = :bucket;

-- name: refund_claim
-- params: token blob, attempt blob
-- each: bucket blob, expires_us int
-- Who inserts the row may give back. A second call waits here for the first, then finds the row.
INSERT INTO farm_rate_refund (bucket, token, attempt, expires_us)
VALUES (:bucket, :token, :attempt, :expires_us)
ON CONFLICT (bucket, token) DO NOTHING;

-- name: bucket_refund
-- params: token blob, attempt blob
-- each: bucket blob, now int, increment int
-- Never fuller than full; and only for the row that this very attempt has inserted.
UPDATE farm_rate_bucket
SET tat = CASE WHEN tat - :increment > :now THEN tat - :increment ELSE :now END
WHERE bucket = :bucket AND tat > :now
  AND EXISTS (SELECT 1 FROM farm_rate_refund AS r
              WHERE r.bucket = :bucket AND r.token = :token AND r.attempt = :attempt);

-- name: bucket_reset
-- each: bucket blob
DELETE FROM farm_rate_bucket WHERE bucket = :bucket;

-- name: check_debt
-- params: now int
-- columns: subject text, detail text
-- plan: scan every bucket is looked at
-- The tables' own checks say the same, unless somebody went around them.
SELECT 'a bucket of capacity ' || capacity AS subject,
       'it was taken from beyond that, to ' || (tat - stamp) AS detail
FROM farm_rate_bucket WHERE tat - stamp > capacity;

-- name: check_secret
-- params: now int
-- columns: subject text, detail text
-- plan: scan every limit is looked at
SELECT l.space || '/' || l.name AS subject,
       'its space has no secret to hash subjects with' AS detail
FROM farm_rate_limit AS l
WHERE NOT EXISTS (SELECT 1 FROM farm_rate_secret AS s WHERE s.space = l.space);

-- name: maintain_bucket
-- params: now int, budget int
-- plan: scan an index would cost every take a write; this runs seldom, and stops at its budget
-- A bucket that is full again is as good as none.
DELETE FROM farm_rate_bucket WHERE bucket IN
    (SELECT bucket FROM farm_rate_bucket WHERE expires_hour * 3600000000 < :now LIMIT :budget)
  AND expires_hour * 3600000000 < :now;

-- name: maintain_refund
-- params: now int, budget int
-- plan: scan the rows are few; an index would cost every refund a write
DELETE FROM farm_rate_refund WHERE (bucket, token) IN
    (SELECT bucket, token FROM farm_rate_refund WHERE expires_us < :now LIMIT :budget)
  AND expires_us < :now;
