-- Statements of the rate limits. Times and amounts of a bucket are in its limit's own units
-- (docs/rate.md, "The arithmetic"); they are bounded by rate_units_choose() so that no sum here
-- overflows. rate_row_rules.c says in C what the fragments say here.

-- name: space_touch
-- params: space text, secret blob
-- Whoever changes a definition tells the caches. The first makes the secret of its space.
INSERT INTO farm_rate_secret AS s (space, secret, version) VALUES (:space, :secret, 1)
ON CONFLICT (space) DO UPDATE SET version = s.version + 1;

-- name: space_read
-- params: space text
-- columns: secret blob, version int, is_shadow int
SELECT secret, version, is_shadow FROM farm_rate_secret WHERE space = :space;

-- name: space_shadow
-- params: space text, is_shadow int
UPDATE farm_rate_secret SET is_shadow = :is_shadow WHERE space = :space;

-- name: limit_list
-- params: space text
-- columns: name text, scope int, burst int, count int, period_us int, ipv4_prefix int
-- columns: ipv6_prefix int, tick_ns int, epoch blob, algorithm int, calendar int, zone text
-- columns: initial int, is_shadow int, on_error int, node_count int, jitter_percent int
-- columns: lease_count int, denied_us int
SELECT name, scope, burst, count, period_us, ipv4_prefix, ipv6_prefix, tick_ns, epoch, algorithm,
       calendar, zone, initial, is_shadow, on_error, node_count, jitter_percent, lease_count,
       denied_us
FROM farm_rate_limit WHERE space = :space ORDER BY name;

-- name: past_list
-- params: space text
-- columns: name text, change int, changed_us int, burst int, count int, period_us int, tick_ns int
-- columns: epoch blob, algorithm int, calendar int, zone text, initial int
SELECT name, change, changed_us, burst, count, period_us, tick_ns, epoch, algorithm, calendar, zone,
       initial
FROM farm_rate_past WHERE space = :space ORDER BY name;

-- name: override_list
-- params: space text, now int
-- columns: name text, subject blob, length int, rule int, burst int, count int, period_us int
-- columns: expires_us int, epoch blob
SELECT name, subject, length, rule, burst, count, period_us, expires_us, epoch
FROM farm_rate_override WHERE space = :space AND (expires_us = 0 OR expires_us > :now)
ORDER BY name, subject;

-- fragment: same_figures
l.scope = :scope AND l.burst = :burst AND l.count = :count AND l.period_us = :period_us
AND l.ipv4_prefix = :ipv4_prefix AND l.ipv6_prefix = :ipv6_prefix AND l.tick_ns = :tick_ns
AND l.algorithm = :algorithm AND l.calendar = :calendar AND l.zone = :zone
AND (l.initial = :initial OR (l.initial = 0 AND :initial = :burst)) AND l.stride = :stride;

-- fragment: same_units
l.scope = :scope AND l.period_us = :period_us AND l.ipv4_prefix = :ipv4_prefix
AND l.ipv6_prefix = :ipv6_prefix AND l.tick_ns = :tick_ns AND l.algorithm = :algorithm
AND l.calendar = :calendar AND l.zone = :zone AND l.stride = :stride
AND (l.count = :count OR :algorithm <> 0);

-- name: limit_define
-- params: space text, epoch blob, now int
-- each: name text, scope int, burst int, count int, period_us int, ipv4_prefix int
-- each: ipv6_prefix int, tick_ns int, algorithm int, calendar int, zone text, initial int
-- each: stride int, on_change int, is_shadow int, on_error int, node_count int
-- each: jitter_percent int, lease_count int, denied_us int
-- First, when the figures change, what they were, so that buckets can be carried over; a change
-- that leaves the epoch as it is leaves an earlier one to be carried over, too. The epoch stays
-- while the units of a bucket and the meaning of its subject stay, unless the change says what is
-- to become of the buckets.
INSERT INTO farm_rate_past AS p (space, name, change, changed_us, burst, count, period_us, tick_ns,
    epoch, algorithm, calendar, zone, initial)
SELECT l.space, l.name, CASE WHEN l.scope = :scope AND l.ipv4_prefix = :ipv4_prefix
                              AND l.ipv6_prefix = :ipv6_prefix THEN :on_change ELSE 1 END,
       :now, l.burst, l.count, l.period_us, l.tick_ns, l.epoch, l.algorithm, l.calendar, l.zone,
       l.initial
FROM farm_rate_limit AS l
WHERE l.space = :space AND l.name = :name AND NOT ({same_figures})
  AND NOT (:on_change = 0 AND {same_units})
ON CONFLICT (space, name) DO UPDATE SET change = excluded.change, changed_us = excluded.changed_us,
    burst = excluded.burst, count = excluded.count, period_us = excluded.period_us,
    tick_ns = excluded.tick_ns, epoch = excluded.epoch, algorithm = excluded.algorithm,
    calendar = excluded.calendar, zone = excluded.zone, initial = excluded.initial;
INSERT INTO farm_rate_limit AS l (space, name, scope, burst, count, period_us, ipv4_prefix,
    ipv6_prefix, tick_ns, epoch, algorithm, calendar, zone, initial, stride, is_shadow, on_error,
    node_count, jitter_percent, lease_count, denied_us)
VALUES (:space, :name, :scope, :burst, :count, :period_us, :ipv4_prefix, :ipv6_prefix, :tick_ns,
    :epoch, :algorithm, :calendar, :zone, :initial, :stride, :is_shadow, :on_error, :node_count,
    :jitter_percent, :lease_count, :denied_us)
ON CONFLICT (space, name) DO UPDATE SET
    scope = excluded.scope, burst = excluded.burst, count = excluded.count,
    period_us = excluded.period_us, ipv4_prefix = excluded.ipv4_prefix,
    ipv6_prefix = excluded.ipv6_prefix, tick_ns = excluded.tick_ns,
    algorithm = excluded.algorithm, calendar = excluded.calendar, zone = excluded.zone,
    initial = excluded.initial, stride = excluded.stride, is_shadow = excluded.is_shadow,
    on_error = excluded.on_error, node_count = excluded.node_count,
    jitter_percent = excluded.jitter_percent, lease_count = excluded.lease_count,
    denied_us = excluded.denied_us,
    epoch = CASE WHEN {same_figures} THEN l.epoch
                 WHEN :on_change = 0 AND {same_units} THEN l.epoch
                 ELSE excluded.epoch END
WHERE NOT ({same_figures}) OR l.is_shadow <> excluded.is_shadow
   OR l.on_error <> excluded.on_error OR l.node_count <> excluded.node_count
   OR l.jitter_percent <> excluded.jitter_percent OR l.lease_count <> excluded.lease_count
   OR l.denied_us <> excluded.denied_us;

-- name: limit_remove
-- params: space text, name text
-- Its overrides go with it.
DELETE FROM farm_rate_past WHERE space = :space AND name = :name;
DELETE FROM farm_rate_limit WHERE space = :space AND name = :name;

-- name: override_put
-- params: space text, epoch blob
-- each: name text, subject blob, length int, rule int, burst int, count int, period_us int
-- each: expires_us int, algorithm int
-- on: foreign = ENOTFOUND UNKNOWN_LIMIT
-- The epoch stays while the units may stay.
INSERT INTO farm_rate_override AS o (space, name, subject, length, rule, burst, count, period_us,
    expires_us, epoch)
VALUES (:space, :name, :subject, :length, :rule, :burst, :count, :period_us, :expires_us, :epoch)
ON CONFLICT (space, name, subject) DO UPDATE SET rule = excluded.rule, burst = excluded.burst,
    count = excluded.count, period_us = excluded.period_us, expires_us = excluded.expires_us,
    epoch = CASE WHEN o.period_us = excluded.period_us
                      AND (o.count = excluded.count OR :algorithm <> 0)
                 THEN o.epoch ELSE excluded.epoch END
WHERE o.rule <> excluded.rule OR o.burst <> excluded.burst OR o.count <> excluded.count
   OR o.period_us <> excluded.period_us OR o.expires_us <> excluded.expires_us;

-- name: override_remove
-- params: space text
-- each: name text, subject blob
DELETE FROM farm_rate_override WHERE space = :space AND name = :name AND subject = :subject;

-- fragment: is_stray
b.tat - excluded.stamp > excluded.capacity + excluded.slack + b.debt;

-- fragment: kept_carry
CASE WHEN excluded.share = 0 THEN 0
     WHEN {is_stray} THEN 0
     WHEN b.tat >= excluded.stamp THEN b.previous
     WHEN b.tat > excluded.stamp - excluded.slack THEN b.tat - (excluded.stamp - excluded.slack)
     ELSE 0 END;

-- fragment: was_used
CASE WHEN {is_stray} THEN excluded.capacity
     WHEN b.tat > excluded.stamp THEN b.tat - excluded.stamp
     ELSE 0 END;

-- fragment: take_fits
CASE WHEN {is_stray} THEN 1
     WHEN ({kept_carry}) * excluded.share
          + (({was_used}) + (excluded.tat - excluded.stamp)) * excluded.span
          <= excluded.capacity * excluded.span THEN 1
     ELSE 0 END = 1;

-- fragment: row_changes
stamp = excluded.stamp, capacity = excluded.capacity, slack = excluded.slack,
share = excluded.share, span = excluded.span, expires_hour = excluded.expires_hour,
previous = {kept_carry};

-- fragment: take_changes
tat = CASE WHEN {is_stray} THEN excluded.stamp + excluded.capacity
           ELSE ({was_used}) + excluded.tat END,
debt = 0, {row_changes};

-- name: bucket_take
-- params: bucket blob, now int, increment int, capacity int, slack int, expires_hour int
-- columns: is_taken int, tat int?, debt int?
-- expect: 1                       a miss takes nothing
-- The rule itself, for what is no sliding window: the WHERE decides, under the row's lock, so that
-- nothing is read and then written. A debt beyond what can be can only come from a clock that was
-- set back.
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
RETURNING CAST(1 AS BIGINT) AS is_taken, tat, debt;

-- fragment: bucket_row
INSERT INTO farm_rate_bucket AS b (bucket, tat, stamp, capacity, slack, expires_hour, share, span)
VALUES (:bucket, :now + :increment, :now, :capacity, :slack, :expires_hour, :share, :span)
ON CONFLICT (bucket) DO;

-- name: bucket_take_many
-- each: bucket blob, now int, increment int, capacity int, slack int, expires_hour int
-- each: share int, span int
-- columns: is_taken int, tat int?, previous int?, debt int?
-- expect: 1                       a miss takes nothing from any of them
-- The rule for several buckets of any kind, in the order of their keys. A store may answer what it
-- refuses instead of failing.
{bucket_row} UPDATE SET {take_changes} WHERE {take_fits}
RETURNING CAST(1 AS BIGINT) AS is_taken, tat, previous, debt;

-- name: bucket_take_all
-- like: bucket_take_many
-- columns: tat int, previous int, debt int
-- expect: 1                       a miss takes nothing at all
-- The same where other calls of the batch must not happen without it.
{bucket_row} UPDATE SET {take_changes} WHERE {take_fits}
RETURNING tat, previous, debt;

-- name: bucket_take_shadow
-- like: bucket_take_many
-- columns: tat int, previous int, debt int
-- The same for a limit that refuses nobody.
{bucket_row} UPDATE SET {take_changes} WHERE {take_fits}
RETURNING tat, previous, debt;

-- fragment: force_used
CASE WHEN ({was_used}) >= excluded.capacity * 2 THEN ({was_used})
     WHEN excluded.tat - excluded.stamp >= excluded.capacity * 2 - ({was_used})
     THEN excluded.capacity * 2
     ELSE ({was_used}) + (excluded.tat - excluded.stamp) END;

-- name: bucket_force
-- like: bucket_take_many
-- columns: tat int, previous int, debt int
-- Whether it fits or not, up to the bound on what can be forced, which the increment keeps to.
INSERT INTO farm_rate_bucket AS b (bucket, tat, stamp, capacity, slack, expires_hour, share, span,
    debt)
VALUES (:bucket, :now + :increment, :now, :capacity, :slack, :expires_hour, :share, :span,
    CASE WHEN :increment > :capacity THEN :increment - :capacity ELSE 0 END)
ON CONFLICT (bucket) DO UPDATE SET
    tat = excluded.stamp + ({force_used}),
    debt = CASE WHEN ({force_used}) > excluded.capacity
                THEN ({force_used}) - excluded.capacity ELSE 0 END, {row_changes}
RETURNING tat, previous, debt;

-- name: bucket_open
-- like: bucket_take_many
-- The bucket of a subject that does not begin with a full one.
{bucket_row} NOTHING;

-- name: bucket_fill
-- like: bucket_take_many
-- Full, and there: who is about to make it with less finds it, or is overruled.
{bucket_row} UPDATE SET tat = excluded.tat, previous = 0, debt = 0, stamp = excluded.stamp,
    capacity = excluded.capacity, slack = excluded.slack, expires_hour = excluded.expires_hour,
    share = excluded.share, span = excluded.span;

-- name: bucket_look
-- each: bucket blob, now int, capacity int, slack int, share int, span int
-- columns: tat int?, previous int?, debt int?
-- expect: 1                       a miss takes nothing from the others
-- A cost of 0 in a take: the bucket must not be in debt beyond its capacity. Answers its state.
SELECT b.tat, b.previous, b.debt
FROM (SELECT :now AS tat, :now AS stamp, :capacity AS capacity, :slack AS slack, :share AS share,
             :span AS span) AS excluded
LEFT JOIN farm_rate_bucket AS b ON b.bucket = :bucket
WHERE b.tat IS NULL OR {take_fits};

-- name: bucket_read
-- each: bucket blob
-- columns: tat int, previous int, debt int
SELECT tat, previous, debt FROM farm_rate_bucket WHERE bucket = :bucket;

-- fragment: hold_row
INSERT INTO farm_rate_hold (bucket, token, cost, capacity, expires_us)
SELECT :bucket, :token, :cost, :capacity, :expires_us
WHERE (SELECT COALESCE(SUM(h.cost), 0) FROM farm_rate_hold AS h
       WHERE h.bucket = :bucket AND h.expires_us > :now) + :cost <= :capacity;

-- name: hold_take
-- params: token blob, now int
-- each: bucket blob, cost int, capacity int, expires_us int
-- expect: 1                       a miss holds nothing
-- Who holds is counted under a lock: here that of the writer, on a server one of the bucket's own.
{hold_row};

-- name: hold_try
-- like: hold_take
-- columns: is_taken int, held int, earliest_us int
-- The same for a limit that refuses nobody, and how things stood at that moment: a hold that ends
-- a moment later must not look as if there had been room.
{hold_row};
SELECT CAST(COALESCE(SUM(CASE WHEN h.token = :token THEN 1 ELSE 0 END), 0) AS BIGINT) AS is_taken,
       CAST(COALESCE(SUM(h.cost), 0) AS BIGINT) AS held,
       COALESCE(MIN(h.expires_us), 0) AS earliest_us
FROM farm_rate_hold AS h WHERE h.bucket = :bucket AND h.expires_us > :now;

-- name: hold_read
-- params: now int
-- each: bucket blob
-- columns: held int, earliest_us int
SELECT CAST(COALESCE(SUM(h.cost), 0) AS BIGINT) AS held,
       COALESCE(MIN(h.expires_us), 0) AS earliest_us
FROM farm_rate_hold AS h WHERE h.bucket = :bucket AND h.expires_us > :now;

-- name: hold_release
-- params: token blob
-- each: bucket blob
DELETE FROM farm_rate_hold WHERE bucket = :bucket AND token = :token;

-- name: hold_renew
-- params: token blob, now int
-- each: bucket blob, expires_us int
-- expect: 1                       a miss renews none of them
-- on: guard = ECONFLICT NOT_HELD
UPDATE farm_rate_hold
SET expires_us = CASE WHEN expires_us > :expires_us THEN expires_us ELSE :expires_us END
WHERE bucket = :bucket AND token = :token AND expires_us > :now;

-- name: hold_extend
-- like: hold_renew
-- The same for a limit that refuses nobody, of which nothing may be held.
UPDATE farm_rate_hold
SET expires_us = CASE WHEN expires_us > :expires_us THEN expires_us ELSE :expires_us END
WHERE bucket = :bucket AND token = :token AND expires_us > :now;

-- name: refund_claim
-- params: token blob, attempt blob
-- each: bucket blob, expires_us int
-- Who inserts the row may give back. A second call waits here for the first, then finds the row.
INSERT INTO farm_rate_refund (bucket, token, attempt, expires_us)
VALUES (:bucket, :token, :attempt, :expires_us)
ON CONFLICT (bucket, token) DO NOTHING;

-- name: bucket_refund
-- params: token blob, attempt blob
-- each: bucket blob, now int, increment int, reach int
-- Never fuller than full; only from the window that it was taken of; and only for the row that this
-- very attempt has inserted.
UPDATE farm_rate_bucket
SET tat = CASE WHEN tat - :increment > :now THEN tat - :increment ELSE :now END
WHERE bucket = :bucket AND tat > :now AND tat - :now < :reach
  AND EXISTS (SELECT 1 FROM farm_rate_refund AS r
              WHERE r.bucket = :bucket AND r.token = :token AND r.attempt = :attempt);

-- name: bucket_reset
-- each: bucket blob
DELETE FROM farm_rate_hold WHERE bucket = :bucket;
DELETE FROM farm_rate_bucket WHERE bucket = :bucket;

-- name: check_debt
-- params: now int
-- columns: subject text, detail text
-- plan: scan every bucket is looked at
-- The tables' own checks say the same, unless somebody went around them.
SELECT 'a bucket of capacity ' || capacity AS subject,
       'it was taken from beyond that and what was forced, to ' || (tat - stamp) AS detail
FROM farm_rate_bucket WHERE tat - stamp > capacity + debt;

-- name: check_holds
-- params: now int
-- columns: subject text, detail text
-- plan: scan every hold is looked at
SELECT 'a limit of ' || MAX(capacity) || ' at once' AS subject,
       SUM(cost) || ' are held at once' AS detail
FROM farm_rate_hold WHERE expires_us > :now
GROUP BY bucket HAVING SUM(cost) > MAX(capacity);

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

-- name: maintain_hold
-- params: now int, budget int
-- plan: scan the rows are few; an index would cost every hold a write
DELETE FROM farm_rate_hold WHERE (bucket, token) IN
    (SELECT bucket, token FROM farm_rate_hold WHERE expires_us <= :now LIMIT :budget)
  AND expires_us <= :now;

-- name: maintain_override
-- params: now int, budget int
-- plan: scan the rows are few, and changed seldom
DELETE FROM farm_rate_override WHERE (space, name, subject) IN
    (SELECT space, name, subject FROM farm_rate_override
     WHERE expires_us > 0 AND expires_us <= :now LIMIT :budget)
  AND expires_us > 0 AND expires_us <= :now;
