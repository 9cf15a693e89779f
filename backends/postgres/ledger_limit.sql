-- Where Postgres differs: several writers at once.

-- name: limit_lock
SELECT b.account
FROM farm_ledger_account AS a
JOIN farm_ledger_balance AS b ON b.book = a.book AND b.account = a.number
WHERE a.id = :id FOR UPDATE OF b;
