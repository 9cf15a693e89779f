-- Credit limits that are changed. What an account was opened with stays in its row; each change is
-- a row of its own, and the balance has the latest.

-- name: limit_lock
-- params: id blob
-- columns: account int
SELECT b.account
FROM farm_ledger_account AS a
JOIN farm_ledger_balance AS b ON b.book = a.book AND b.account = a.number
WHERE a.id = :id;

-- name: limit_read
-- params: id blob
-- columns: book int, account int, flags int, credit_limit int, debits_pending int
-- columns: debits_posted int, credits_posted int, last_ns int
-- Under the lock. last_ns: what the change comes after.
SELECT b.book, b.account, b.flags, b.credit_limit, b.debits_pending, b.debits_posted,
       b.credits_posted,
       COALESCE((SELECT MAX(l.timestamp_ns) FROM farm_ledger_limit AS l
                 WHERE l.book = b.book AND l.account = b.account), a.timestamp_ns) AS last_ns
FROM farm_ledger_account AS a
JOIN farm_ledger_balance AS b ON b.book = a.book AND b.account = a.number
WHERE a.id = :id;

-- name: limit_add
-- params: book int, account int, timestamp_ns int, credit_limit int
-- on: unique = EAGAIN
INSERT INTO farm_ledger_limit (book, account, timestamp_ns, credit_limit)
VALUES (:book, :account, :timestamp_ns, :credit_limit);

-- name: limit_put
-- params: book int, account int, known int, credit_limit int
-- expect: 1                       a miss: it is no longer what was decided by
-- on: guard = EAGAIN
UPDATE farm_ledger_balance SET credit_limit = :credit_limit
WHERE book = :book AND account = :account AND credit_limit = :known;

-- name: limit_at
-- params: timestamp_ns int
-- each: id blob
-- columns: credit_limit int
-- The latest of then, if there was any.
SELECT l.credit_limit
FROM farm_ledger_account AS a
JOIN farm_ledger_limit AS l ON l.book = a.book AND l.account = a.number
WHERE a.id = :id AND l.timestamp_ns <= :timestamp_ns
ORDER BY l.timestamp_ns DESC LIMIT 1;
