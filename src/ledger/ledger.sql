-- The statements of the ledger. They move rows and decide nothing: what is refused was refused by
-- the rules, and what gets past them by a race or by a defect is refused by keys, checks and
-- triggers. A key that is there already was put there since the rules looked, and so the batch is
-- decided again.

-- name: book_open
-- params: now int
-- each: book int, asset text, scale int
-- columns: book int
-- Answers a book that is there and is another.
INSERT INTO farm_ledger_book (book, asset, scale, closed_through_us, created_us)
VALUES (:book, :asset, :scale, 0, :now)
ON CONFLICT (book) DO NOTHING;
SELECT book FROM farm_ledger_book
WHERE book = :book AND (asset <> :asset OR scale <> :scale);

-- name: book_read
-- params: books int[]
-- columns: book int, last_ns int
-- Of each its last account, which others come after.
SELECT b.book, COALESCE((SELECT MAX(a.timestamp_ns) FROM farm_ledger_account AS a
                         WHERE a.book = b.book), 0) AS last_ns
FROM farm_ledger_book AS b WHERE b.book IN (:books)
ORDER BY b.book;

-- name: book_find
-- params: book int
-- columns: asset text, scale int
SELECT asset, scale FROM farm_ledger_book WHERE book = :book;

-- name: book_close
-- params: book int, through_us int
-- columns: closed_through_us int
-- What is closed stays closed. SQLite has one writer; on Postgres see there.
UPDATE farm_ledger_book SET closed_through_us = :through_us
WHERE book = :book AND closed_through_us < :through_us;
SELECT closed_through_us FROM farm_ledger_book WHERE book = :book;

-- name: book_keep
-- params: books int[]
-- columns: book int
-- Nobody opens accounts in these until the transaction has ended.
SELECT book FROM farm_ledger_book WHERE book IN (:books) ORDER BY book;

-- fragment: account_row
a.book, a.id, a.code, a.flags, b.credit_limit, a.user_data_128, a.user_data_64,
       a.user_data_32, a.timestamp_ns, b.is_closed, b.version, b.debits_pending, b.debits_posted,
       b.credits_pending, b.credits_posted, a.credit_limit AS opened_limit;

-- name: account_read
-- params: ids blob[]
-- columns: book int, id blob, code int, flags int, credit_limit int, user_data_128 blob?
-- columns: user_data_64 int, user_data_32 int, timestamp_ns int, is_closed int, version int
-- columns: debits_pending int, debits_posted int, credits_pending int, credits_posted int
-- columns: opened_limit int
SELECT {account_row}
FROM farm_ledger_account AS a
JOIN farm_ledger_balance AS b ON b.book = a.book AND b.account = a.number
WHERE a.id IN (:ids);

-- name: account_open
-- each: book int, id blob, code int, flags int, credit_limit int, user_data_128 blob?
-- each: user_data_64 int, user_data_32 int, timestamp_ns int, is_closed int
-- on: unique = EAGAIN
-- The book is locked (book_read), so that numbers are given out one after the other.
INSERT INTO farm_ledger_account (book, id, number, code, flags, credit_limit, user_data_128,
    user_data_64, user_data_32, timestamp_ns)
SELECT :book, :id, COALESCE(MAX(number), 0) + 1, :code, :flags, :credit_limit, :user_data_128,
    :user_data_64, :user_data_32, :timestamp_ns
FROM farm_ledger_account WHERE book = :book;
INSERT INTO farm_ledger_balance (book, account, flags, credit_limit, is_closed, version, last_ns,
    debits_pending, debits_posted, credits_pending, credits_posted)
SELECT book, number, :flags, :credit_limit, :is_closed, 0, :timestamp_ns, 0, 0, 0, 0
FROM farm_ledger_account WHERE id = :id;

-- fragment: accounts_touched
SELECT a.book, a.number FROM farm_ledger_account AS a WHERE a.id IN (:accounts)
UNION SELECT e.book, e.debit_account FROM farm_ledger_event AS e WHERE e.id IN (:formers)
UNION SELECT e.book, e.credit_account FROM farm_ledger_event AS e WHERE e.id IN (:formers);

-- fragment: holds_due
SELECT h.book, h.id, h.debit_account, h.credit_account FROM touched
JOIN farm_ledger_hold AS h ON h.book = touched.book AND h.debit_account = touched.number
WHERE h.end_ns <= :now_ns
UNION ALL
SELECT h.book, h.id, h.debit_account, h.credit_account FROM touched
JOIN farm_ledger_hold AS h ON h.book = touched.book AND h.credit_account = touched.number
WHERE h.end_ns <= :now_ns;

-- Postgres says these two in another way; see there.

-- fragment: accounts_touched_singly
SELECT a.book, a.number
FROM unnest((SELECT :accounts)) AS asked (id)
CROSS JOIN LATERAL (SELECT k.book, k.number FROM farm_ledger_account AS k
                    WHERE k.id = asked.id OFFSET 0) AS a
UNION
SELECT e.book, side.number
FROM unnest((SELECT :formers)) AS asked (id)
CROSS JOIN LATERAL (SELECT k.* FROM farm_ledger_event AS k WHERE k.id = asked.id OFFSET 0) AS e
CROSS JOIN LATERAL (VALUES (e.debit_account), (e.credit_account)) AS side (number);

-- fragment: holds_due_singly
SELECT h.book, h.id, h.debit_account, h.credit_account FROM touched
CROSS JOIN LATERAL (SELECT k.* FROM farm_ledger_hold AS k
                    WHERE k.book = touched.book AND k.debit_account = touched.number
                      AND k.end_ns <= :now_ns OFFSET 0) AS h
UNION ALL
SELECT h.book, h.id, h.debit_account, h.credit_account FROM touched
CROSS JOIN LATERAL (SELECT k.* FROM farm_ledger_hold AS k
                    WHERE k.book = touched.book AND k.credit_account = touched.number
                      AND k.end_ns <= :now_ns OFFSET 0) AS h;

-- name: account_lock
-- params: accounts blob[], formers blob[], now_ns int, is_import int
-- columns: book int, id blob, number int, flags int, credit_limit int, timestamp_ns int
-- columns: book_last_ns int, book_sealed_ns int, closed_through_us int
-- columns: is_closed int, version int, last_ns int, debits_pending int, debits_posted int
-- columns: credits_pending int, credits_posted int, has_due int
-- Accounts that are named or that a named transfer is of, and those on the other side of what has
-- run out, and whether anything has. What they must come after is known of imports alone.
WITH touched AS ({accounts_touched}), due AS ({holds_due}), wanted AS (
    SELECT book, number FROM touched
    UNION SELECT book, debit_account FROM due
    UNION SELECT book, credit_account FROM due)
SELECT a.book, a.id, a.number, a.flags, b.credit_limit, a.timestamp_ns,
       CASE WHEN :is_import = 0 THEN 0
            ELSE COALESCE((SELECT MAX(e.timestamp_ns) FROM farm_ledger_event AS e
                           WHERE e.book = a.book), 0) END AS book_last_ns,
       k.sealed_ns AS book_sealed_ns, k.closed_through_us, b.is_closed, b.version, b.last_ns,
       b.debits_pending, b.debits_posted, b.credits_pending, b.credits_posted,
       CASE WHEN EXISTS (SELECT 1 FROM due) THEN 1 ELSE 0 END AS has_due
FROM wanted
JOIN farm_ledger_book AS k ON k.book = wanted.book
JOIN farm_ledger_account AS a ON a.book = wanted.book AND a.number = wanted.number
JOIN farm_ledger_balance AS b ON b.book = wanted.book AND b.account = wanted.number;

-- fragment: event_row
e.book, e.timestamp_ns, e.kind, e.id, d.id AS debit_account, c.id AS credit_account,
       e.amount, e.pending_id, e.timeout_us, e.code, e.flags, e.user_data_128, e.user_data_64,
       e.user_data_32, e.effective_us, e.debit_debits_pending, e.debit_debits_posted,
       e.debit_credits_pending, e.debit_credits_posted, e.credit_debits_pending,
       e.credit_debits_posted, e.credit_credits_pending, e.credit_credits_posted,
       COALESCE(r.kind, 0) AS resolution, e.reversed_id,
       CASE WHEN e.kind IN (0, 2) THEN COALESCE((
           SELECT CAST(SUM(back.amount) AS BIGINT) FROM farm_ledger_event AS back
           WHERE back.book = e.book AND back.reversed_id = e.id), 0) ELSE 0 END AS reversed;

-- name: event_read
-- params: ids blob[], accounts blob[], formers blob[], now_ns int
-- columns: book int, timestamp_ns int, kind int, id blob, debit_account blob, credit_account blob
-- columns: amount int, pending_id blob?, timeout_us int, code int, flags int, user_data_128 blob?
-- columns: user_data_64 int, user_data_32 int, effective_us int, debit_debits_pending int
-- columns: debit_debits_posted int, debit_credits_pending int, debit_credits_posted int
-- columns: credit_debits_pending int, credit_debits_posted int, credit_credits_pending int
-- columns: credit_credits_posted int, resolution int, reversed_id blob?, reversed int
-- Transfers that are named, and the holds that have run out of accounts that are named or that a
-- named transfer is of. Of a hold also how it ended, of others how much of them was reversed.
WITH touched AS ({accounts_touched}), due AS ({holds_due})
SELECT {event_row}
FROM farm_ledger_event AS e
JOIN farm_ledger_account AS d ON d.book = e.book AND d.number = e.debit_account
JOIN farm_ledger_account AS c ON c.book = e.book AND c.number = e.credit_account
LEFT JOIN farm_ledger_event AS r ON e.kind = 1 AND r.book = e.book AND r.pending_id = e.id
WHERE e.id IN (SELECT named.id FROM farm_ledger_event AS named WHERE named.id IN (:ids)
               UNION SELECT id FROM due);

-- fragment: event_before
CASE WHEN e.debit_account = walk.number THEN e.debit_previous_ns ELSE e.credit_previous_ns END;

-- name: event_walk
-- params: account blob?, book int, after_ns int, before_ns int, is_reversed int, holds_only int
-- params: beyond_ns int, milestones int, steps int, budget int
-- rows: event_read
-- A part of an account's history: from a milestone that lies beyond it, or from its end, back event
-- by event; or its holds; or, without an account, a part of the book.
WITH RECURSIVE named AS (
    SELECT a.book, a.number, b.last_ns, b.version
    FROM farm_ledger_account AS a
    JOIN farm_ledger_balance AS b ON b.book = a.book AND b.account = a.number
    WHERE a.id = :account),
walk (book, number, timestamp_ns, steps) AS (
    SELECT n.book, n.number, COALESCE((
        SELECT m.timestamp_ns FROM (
            SELECT * FROM (
                SELECT timestamp_ns FROM farm_ledger_event
                WHERE book = n.book AND debit_account = n.number AND timestamp_ns >= :beyond_ns
                  AND debit_version % 64 = 0
                ORDER BY timestamp_ns LIMIT :milestones) AS debits
            UNION ALL
            SELECT * FROM (
                SELECT timestamp_ns FROM farm_ledger_event
                WHERE book = n.book AND credit_account = n.number AND timestamp_ns >= :beyond_ns
                  AND credit_version % 64 = 0
                ORDER BY timestamp_ns LIMIT :milestones) AS credits) AS m
        ORDER BY m.timestamp_ns LIMIT 1 OFFSET :milestones - 1), n.last_ns), :steps
    FROM named AS n WHERE n.version > 0 AND :holds_only = 0
    UNION ALL
    SELECT walk.book, walk.number, {event_before}, walk.steps - 1
    FROM walk JOIN farm_ledger_event AS e
        ON e.book = walk.book AND e.timestamp_ns = walk.timestamp_ns
    WHERE walk.steps > 1 AND walk.timestamp_ns > :after_ns),
picked AS (
    SELECT book, timestamp_ns FROM walk
    UNION ALL
    SELECT * FROM (
        SELECT book, timestamp_ns FROM farm_ledger_event
        WHERE :account IS NULL AND :is_reversed = 0 AND book = :book
          AND timestamp_ns > :after_ns AND timestamp_ns < :before_ns
        ORDER BY timestamp_ns LIMIT :budget) AS oldest
    UNION ALL
    SELECT * FROM (
        SELECT book, timestamp_ns FROM farm_ledger_event
        WHERE :account IS NULL AND :is_reversed = 1 AND book = :book
          AND timestamp_ns > :after_ns AND timestamp_ns < :before_ns
        ORDER BY timestamp_ns DESC LIMIT :budget) AS newest
    UNION ALL
    SELECT e.book, e.timestamp_ns
    FROM named
    JOIN farm_ledger_hold AS h ON h.book = named.book AND h.debit_account = named.number
    JOIN farm_ledger_event AS e ON e.id = h.id
    WHERE :holds_only = 1
    UNION ALL
    SELECT e.book, e.timestamp_ns
    FROM named
    JOIN farm_ledger_hold AS h ON h.book = named.book AND h.credit_account = named.number
    JOIN farm_ledger_event AS e ON e.id = h.id
    WHERE :holds_only = 1)
SELECT {event_row}
FROM picked
JOIN farm_ledger_event AS e ON e.book = picked.book AND e.timestamp_ns = picked.timestamp_ns
JOIN farm_ledger_account AS d ON d.book = e.book AND d.number = e.debit_account
JOIN farm_ledger_account AS c ON c.book = e.book AND c.number = e.credit_account
LEFT JOIN farm_ledger_event AS r ON e.kind = 1 AND r.book = e.book AND r.pending_id = e.id
WHERE picked.timestamp_ns > :after_ns AND picked.timestamp_ns < :before_ns
ORDER BY CASE WHEN :is_reversed = 1 THEN -e.timestamp_ns ELSE e.timestamp_ns END
LIMIT :budget;

-- name: event_follow
-- params: book int, after_sequence int, budget int
-- rows: event_read
-- In the order in which they were sealed, however late one was committed.
SELECT {event_row}
FROM farm_ledger_sequence AS s
JOIN farm_ledger_event AS e ON e.book = s.book AND e.timestamp_ns = s.timestamp_ns
JOIN farm_ledger_account AS d ON d.book = e.book AND d.number = e.debit_account
JOIN farm_ledger_account AS c ON c.book = e.book AND c.number = e.credit_account
LEFT JOIN farm_ledger_event AS r ON e.kind = 1 AND r.book = e.book AND r.pending_id = e.id
WHERE s.book = :book AND s.sequence > :after_sequence
ORDER BY s.sequence LIMIT :budget;

-- name: account_list
-- params: book int, after_ns int, before_ns int, is_reversed int, budget int
-- rows: account_read
SELECT {account_row}
FROM (
    SELECT * FROM (
        SELECT book, timestamp_ns FROM farm_ledger_account
        WHERE :is_reversed = 0 AND book = :book
          AND timestamp_ns > :after_ns AND timestamp_ns < :before_ns
        ORDER BY timestamp_ns LIMIT :budget) AS oldest
    UNION ALL
    SELECT * FROM (
        SELECT book, timestamp_ns FROM farm_ledger_account
        WHERE :is_reversed = 1 AND book = :book
          AND timestamp_ns > :after_ns AND timestamp_ns < :before_ns
        ORDER BY timestamp_ns DESC LIMIT :budget) AS newest) AS picked
JOIN farm_ledger_account AS a ON a.book = picked.book AND a.timestamp_ns = picked.timestamp_ns
JOIN farm_ledger_balance AS b ON b.book = a.book AND b.account = a.number
ORDER BY CASE WHEN :is_reversed = 1 THEN -a.timestamp_ns ELSE a.timestamp_ns END;

-- name: account_of_group
-- params: id blob, after_ns int, budget int
-- rows: account_read
-- Numbers are given in the order in which accounts are opened, as times are.
SELECT {account_row}
FROM (
    SELECT m.book, m.account
    FROM farm_ledger_group AS g
    JOIN farm_ledger_member AS m ON m.book = g.book AND m.group_id = g.id
    WHERE g.id = :id AND m.account > COALESCE((
        SELECT k.number FROM farm_ledger_account AS k
        WHERE k.book = g.book AND k.timestamp_ns <= :after_ns
        ORDER BY k.timestamp_ns DESC LIMIT 1), 0)
    ORDER BY m.account LIMIT :budget) AS picked
JOIN farm_ledger_account AS a ON a.book = picked.book AND a.number = picked.account
JOIN farm_ledger_balance AS b ON b.book = a.book AND b.account = a.number
ORDER BY a.number;

-- fragment: milestone_then
SELECT MIN(m.timestamp_ns) FROM (
        SELECT MIN(timestamp_ns) AS timestamp_ns FROM farm_ledger_event
        WHERE book = a.book AND debit_account = a.number AND timestamp_ns >= :timestamp_ns
          AND debit_version % 64 = 0
        UNION ALL
        SELECT MIN(timestamp_ns) FROM farm_ledger_event
        WHERE book = a.book AND credit_account = a.number AND timestamp_ns >= :timestamp_ns
          AND credit_version % 64 = 0) AS m;

-- fragment: side_then
CASE WHEN e.debit_account = walk.number THEN e.debit_version ELSE e.credit_version END AS version,
    CASE WHEN e.debit_account = walk.number THEN e.debit_debits_pending
         ELSE e.credit_debits_pending END AS debits_pending,
    CASE WHEN e.debit_account = walk.number THEN e.debit_debits_posted
         ELSE e.credit_debits_posted END AS debits_posted,
    CASE WHEN e.debit_account = walk.number THEN e.debit_credits_pending
         ELSE e.credit_credits_pending END AS credits_pending,
    CASE WHEN e.debit_account = walk.number THEN e.debit_credits_posted
         ELSE e.credit_credits_posted END AS credits_posted;

-- name: account_at
-- params: timestamp_ns int
-- each: id blob
-- columns: version int, debits_pending int, debits_posted int, credits_pending int
-- columns: credits_posted int
-- After the account's last event of then: from the next milestone, or from the end, back to it.
WITH RECURSIVE walk (book, number, timestamp_ns) AS (
    SELECT a.book, a.number, COALESCE(({milestone_then}), b.last_ns)
    FROM farm_ledger_account AS a
    JOIN farm_ledger_balance AS b ON b.book = a.book AND b.account = a.number
    WHERE a.id = :id
    UNION ALL
    SELECT walk.book, walk.number, {event_before}
    FROM walk JOIN farm_ledger_event AS e
        ON e.book = walk.book AND e.timestamp_ns = walk.timestamp_ns
    WHERE walk.timestamp_ns > :timestamp_ns)
SELECT {side_then}
FROM walk JOIN farm_ledger_event AS e
    ON e.book = walk.book AND e.timestamp_ns = walk.timestamp_ns
WHERE walk.timestamp_ns <= :timestamp_ns;

-- name: burnt_read
-- params: ids blob[]
-- columns: id blob
SELECT id FROM farm_ledger_burnt WHERE id IN (:ids);

-- name: hold_due
-- params: now_ns int, budget int
-- columns: id blob
SELECT id FROM farm_ledger_hold WHERE end_ns <= :now_ns ORDER BY end_ns LIMIT :budget;

-- fragment: event_columns
book, timestamp_ns, kind, id, debit_account, credit_account, amount, pending_id, timeout_us,
    code, flags, user_data_128, user_data_64, user_data_32, effective_us, debit_previous_ns,
    credit_previous_ns, debit_version, debit_debits_pending, debit_debits_posted,
    debit_credits_pending, debit_credits_posted, credit_version, credit_debits_pending,
    credit_debits_posted, credit_credits_pending, credit_credits_posted, reversed_id;

-- fragment: event_values
:book, :timestamp_ns, :kind, :id, :debit_account, :credit_account, :amount, :pending_id,
    :timeout_us, :code, :flags, :user_data_128, :user_data_64, :user_data_32, :effective_us,
    :debit_previous_ns, :credit_previous_ns, :debit_version, :debit_debits_pending,
    :debit_debits_posted, :debit_credits_pending, :debit_credits_posted, :credit_version,
    :credit_debits_pending, :credit_debits_posted, :credit_credits_pending,
    :credit_credits_posted, :reversed_id;

-- name: event_add
-- each: book int, timestamp_ns int, kind int, id blob?, debit_account int, credit_account int
-- each: amount int, pending_id blob?, timeout_us int, code int, flags int, user_data_128 blob?
-- each: user_data_64 int, user_data_32 int, effective_us int, debit_previous_ns int
-- each: credit_previous_ns int, debit_version int, debit_debits_pending int
-- each: debit_debits_posted int, debit_credits_pending int, debit_credits_posted int
-- each: credit_version int, credit_debits_pending int, credit_debits_posted int
-- each: credit_credits_pending int, credit_credits_posted int, reversed_id blob?
-- on: unique = EAGAIN
INSERT INTO farm_ledger_event ({event_columns}) VALUES ({event_values});

-- name: balance_put
-- each: book int, account int, is_closed int, known_version int, version int, last_ns int
-- each: debits_pending int, debits_posted int, credits_pending int, credits_posted int
-- expect: 1                       a miss: it is no longer what was decided by
-- on: guard = EAGAIN
-- The lock says the same; a balance that was written without one is found out here.
UPDATE farm_ledger_balance
SET is_closed = :is_closed, version = :version, last_ns = :last_ns,
    debits_pending = :debits_pending, debits_posted = :debits_posted,
    credits_pending = :credits_pending, credits_posted = :credits_posted
WHERE book = :book AND account = :account AND version = :known_version;

-- name: hold_add
-- each: book int, id blob, debit_account int, credit_account int, amount int, end_ns int
INSERT INTO farm_ledger_hold (book, id, debit_account, credit_account, amount, end_ns)
VALUES (:book, :id, :debit_account, :credit_account, :amount, :end_ns);

-- name: hold_end
-- each: book int, id blob
-- expect: 1
DELETE FROM farm_ledger_hold WHERE book = :book AND id = :id;

-- name: burnt_add
-- params: now int
-- each: id blob, status int
INSERT INTO farm_ledger_burnt (id, status, created_us) VALUES (:id, :status, :now)
ON CONFLICT (id) DO NOTHING;
