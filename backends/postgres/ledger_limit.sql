-- Where Postgres differs: several writers at once, and many rows in one statement.

-- name: limit_lock
SELECT b.account
FROM farm_ledger_account AS a
JOIN farm_ledger_balance AS b ON b.book = a.book AND b.account = a.number
WHERE a.id = :id FOR UPDATE OF b;

-- name: limit_at
-- arrays
SELECT asked.place - 1 AS ordinal, l.credit_limit
FROM unnest((SELECT :id)) WITH ORDINALITY AS asked (id, place)
CROSS JOIN LATERAL (SELECT k.* FROM farm_ledger_account AS k WHERE k.id = asked.id OFFSET 0) AS a
CROSS JOIN LATERAL (SELECT k.credit_limit FROM farm_ledger_limit AS k
                    WHERE k.book = a.book AND k.account = a.number
                      AND k.timestamp_ns <= :timestamp_ns
                    ORDER BY k.timestamp_ns DESC LIMIT 1) AS l;
