-- Where Postgres differs: several writers at once, and many rows in one statement.
--
-- Arrays stand in sub-selects and rows are looked up one by one (OFFSET 0), so that the plan
-- depends neither on how many there are nor on statistics: one that was made while a table was
-- empty serves when it is full.

-- name: book_read
-- Whoever opens accounts in a book has it for himself.
SELECT b.book, COALESCE((SELECT MAX(a.timestamp_ns) FROM farm_ledger_account AS a
                         WHERE a.book = b.book), 0) AS last_ns
FROM farm_ledger_book AS b WHERE b.book IN (:books)
ORDER BY b.book FOR NO KEY UPDATE OF b;

-- name: book_close
-- Who posts has locked rows of the balances until he is done, and who comes later reads what is
-- closed once this is done.
LOCK TABLE farm_ledger_balance IN EXCLUSIVE MODE;
UPDATE farm_ledger_book SET closed_through_us = :through_us
WHERE book = :book AND closed_through_us < :through_us;
SELECT closed_through_us FROM farm_ledger_book WHERE book = :book;

-- name: book_keep
SELECT book FROM farm_ledger_book WHERE book IN (:books) ORDER BY book FOR SHARE;

-- name: account_read
SELECT {account_row}
FROM unnest((SELECT :ids)) AS asked (id)
CROSS JOIN LATERAL (SELECT k.* FROM farm_ledger_account AS k WHERE k.id = asked.id OFFSET 0) AS a
CROSS JOIN LATERAL (SELECT k.* FROM farm_ledger_balance AS k
                    WHERE k.book = a.book AND k.account = a.number OFFSET 0) AS b;

-- name: account_lock
-- Locked one by one in the order of the keys, so that two batches cannot wait for each other.
WITH touched AS MATERIALIZED ({accounts_touched_singly}),
due AS MATERIALIZED ({holds_due_singly}),
wanted AS MATERIALIZED (
    SELECT book, number FROM touched
    UNION SELECT book, debit_account FROM due
    UNION SELECT book, credit_account FROM due
    ORDER BY book, number)
SELECT a.book, a.id, a.number, a.flags, b.credit_limit, a.timestamp_ns,
       CASE WHEN :is_import = 0 THEN 0
            ELSE COALESCE((SELECT MAX(e.timestamp_ns) FROM farm_ledger_event AS e
                           WHERE e.book = a.book), 0) END AS book_last_ns,
       CAST(0 AS BIGINT) AS book_sealed_ns, book.closed_through_us, b.is_closed, b.version,
       b.last_ns, b.debits_pending, b.debits_posted, b.credits_pending, b.credits_posted,
       CAST(CASE WHEN EXISTS (SELECT FROM due) THEN 1 ELSE 0 END AS BIGINT) AS has_due
FROM wanted
CROSS JOIN LATERAL (SELECT k.closed_through_us FROM farm_ledger_book AS k
                    WHERE k.book = wanted.book OFFSET 0) AS book
CROSS JOIN LATERAL (SELECT k.* FROM farm_ledger_balance AS k
                    WHERE k.book = wanted.book AND k.account = wanted.number FOR UPDATE) AS b
CROSS JOIN LATERAL (SELECT k.* FROM farm_ledger_account AS k
                    WHERE k.book = wanted.book AND k.number = wanted.number OFFSET 0) AS a;

-- name: event_read
WITH touched AS MATERIALIZED ({accounts_touched_singly}),
due AS MATERIALIZED ({holds_due_singly}),
wanted AS MATERIALIZED (
    SELECT id FROM unnest((SELECT :ids)) AS asked (id) UNION SELECT id FROM due)
SELECT {event_row}
FROM wanted
CROSS JOIN LATERAL (SELECT k.* FROM farm_ledger_event AS k WHERE k.id = wanted.id OFFSET 0) AS e
CROSS JOIN LATERAL (SELECT k.id FROM farm_ledger_account AS k
                    WHERE k.book = e.book AND k.number = e.debit_account OFFSET 0) AS d
CROSS JOIN LATERAL (SELECT k.id FROM farm_ledger_account AS k
                    WHERE k.book = e.book AND k.number = e.credit_account OFFSET 0) AS c
LEFT JOIN LATERAL (SELECT k.kind FROM farm_ledger_event AS k
                   WHERE k.book = e.book AND k.pending_id = e.id OFFSET 0) AS r ON e.kind = 1;

-- name: account_at
-- arrays
WITH RECURSIVE walk (place, book, number, timestamp_ns) AS (
    SELECT asked.place, a.book, a.number, COALESCE(({milestone_then}), b.last_ns)
    FROM unnest((SELECT :id)) WITH ORDINALITY AS asked (id, place)
    CROSS JOIN LATERAL (SELECT k.* FROM farm_ledger_account AS k
                        WHERE k.id = asked.id OFFSET 0) AS a
    CROSS JOIN LATERAL (SELECT k.* FROM farm_ledger_balance AS k
                        WHERE k.book = a.book AND k.account = a.number OFFSET 0) AS b
    UNION ALL
    SELECT walk.place, walk.book, walk.number, {event_before}
    FROM walk
    CROSS JOIN LATERAL (SELECT k.* FROM farm_ledger_event AS k
                        WHERE k.book = walk.book AND k.timestamp_ns = walk.timestamp_ns OFFSET 0)
        AS e
    WHERE walk.timestamp_ns > :timestamp_ns)
SELECT walk.place - 1 AS ordinal, {side_then}
FROM walk
CROSS JOIN LATERAL (SELECT k.* FROM farm_ledger_event AS k
                    WHERE k.book = walk.book AND k.timestamp_ns = walk.timestamp_ns OFFSET 0) AS e
WHERE walk.timestamp_ns <= :timestamp_ns;

-- name: burnt_read
SELECT b.id
FROM unnest((SELECT :ids)) AS asked (id)
CROSS JOIN LATERAL (SELECT k.id FROM farm_ledger_burnt AS k WHERE k.id = asked.id OFFSET 0) AS b;

-- name: event_add
-- arrays
INSERT INTO farm_ledger_event ({event_columns})
SELECT u.* FROM unnest({event_values}) AS u ({event_columns});

-- name: balance_put
-- arrays
UPDATE farm_ledger_balance AS b
SET is_closed = u.is_closed, version = u.version, last_ns = u.last_ns,
    debits_pending = u.debits_pending, debits_posted = u.debits_posted,
    credits_pending = u.credits_pending, credits_posted = u.credits_posted
FROM unnest(:book, :account, :is_closed, :known_version, :version, :last_ns, :debits_pending,
                  :debits_posted, :credits_pending, :credits_posted)
    AS u (book, account, is_closed, known_version, version, last_ns, debits_pending, debits_posted,
         credits_pending, credits_posted)
WHERE b.book = u.book AND b.account = u.account AND b.version = u.known_version;

-- name: hold_add
-- arrays
INSERT INTO farm_ledger_hold (book, id, debit_account, credit_account, amount, end_ns)
SELECT u.book, u.id, u.debit_account, u.credit_account, u.amount, u.end_ns
FROM unnest(:book, :id, :debit_account, :credit_account, :amount, :end_ns)
    AS u (book, id, debit_account, credit_account, amount, end_ns);

-- name: hold_end
-- arrays
DELETE FROM farm_ledger_hold AS h USING unnest(:book, :id) AS u (book, id)
WHERE h.book = u.book AND h.id = u.id;

-- name: burnt_add
-- arrays
INSERT INTO farm_ledger_burnt (id, status, created_us)
SELECT u.id, u.status, :now
FROM unnest(:id, :status)
    AS u (id, status)
ON CONFLICT (id) DO NOTHING;
