-- Whether events and balances are what they have to be, and what they would have to be. What begins
-- with check_ is asked by farm_verify().

-- name: check_conservation
-- params: now int
-- columns: subject text, detail text
-- plan: scan every balance is summed
-- Each amount was debited once and credited once. The sums of a book may need more than 63 bits, so
-- they are made of two halves.
WITH half AS (
    SELECT book,
           CAST(SUM(debits_posted >> 32) - SUM(credits_posted >> 32) AS BIGINT) AS posted_high,
           CAST(SUM(credits_posted & 4294967295) - SUM(debits_posted & 4294967295) AS BIGINT)
               AS posted_low,
           CAST(SUM(debits_pending >> 32) - SUM(credits_pending >> 32) AS BIGINT) AS pending_high,
           CAST(SUM(credits_pending & 4294967295) - SUM(debits_pending & 4294967295) AS BIGINT)
               AS pending_low
    FROM farm_ledger_balance GROUP BY book)
SELECT CAST(book AS TEXT) AS subject, 'its debits and its credits differ' AS detail
FROM half
WHERE posted_low & 4294967295 <> 0 OR posted_high <> posted_low >> 32
   OR pending_low & 4294967295 <> 0 OR pending_high <> pending_low >> 32;

-- Of an account: version and balances before the event, and after the one before it.

-- fragment: debit_before
(e.debit_version - 1, e.debit_debits_pending - e.held, e.debit_debits_posted - e.moved,
    e.debit_credits_pending, e.debit_credits_posted);

-- fragment: credit_before
(e.credit_version - 1, e.credit_debits_pending, e.credit_debits_posted,
    e.credit_credits_pending - e.held, e.credit_credits_posted - e.moved);

-- fragment: debit_of_debit
(d.debit_version, d.debit_debits_pending, d.debit_debits_posted,
    d.debit_credits_pending, d.debit_credits_posted);

-- fragment: credit_of_debit
(d.credit_version, d.credit_debits_pending, d.credit_debits_posted,
    d.credit_credits_pending, d.credit_credits_posted);

-- fragment: debit_of_credit
(c.debit_version, c.debit_debits_pending, c.debit_debits_posted,
    c.debit_credits_pending, c.debit_credits_posted);

-- fragment: credit_of_credit
(c.credit_version, c.credit_debits_pending, c.credit_debits_posted,
    c.credit_credits_pending, c.credit_credits_posted);

-- fragment: changes
SELECT e.*, CASE WHEN e.kind = 1 THEN e.amount WHEN e.kind IN (0, 5) THEN 0 ELSE -h.amount END
                    AS held,
           CASE WHEN e.kind IN (0, 2, 5) THEN e.amount ELSE 0 END AS moved
    FROM farm_ledger_event AS e
    LEFT JOIN farm_ledger_event AS h ON h.id = e.pending_id AND h.kind = 1;

-- fragment: what_does_not_follow
FROM change AS e
LEFT JOIN farm_ledger_event AS d ON d.book = e.book AND d.timestamp_ns = e.debit_previous_ns
LEFT JOIN farm_ledger_event AS c ON c.book = e.book AND c.timestamp_ns = e.credit_previous_ns
WHERE (e.debit_previous_ns = 0 AND {debit_before} = (0, 0, 0, 0, 0)
       OR d.debit_account = e.debit_account AND {debit_before} = {debit_of_debit}
       OR d.credit_account = e.debit_account AND {debit_before} = {credit_of_debit}) IS NOT TRUE
   OR (e.credit_previous_ns = 0 AND {credit_before} = (0, 0, 0, 0, 0)
       OR c.debit_account = e.credit_account AND {credit_before} = {debit_of_credit}
       OR c.credit_account = e.credit_account AND {credit_before} = {credit_of_credit})
      IS NOT TRUE;

-- name: check_history
-- params: now int
-- columns: subject text, detail text
-- plan: scan every event is looked at
-- Along each account every event begins where the one before it ended.
WITH change AS ({changes})
SELECT CAST(e.book AS TEXT) || '/' || CAST(e.timestamp_ns AS TEXT) AS subject,
       'it does not begin where the event before it ended' AS detail
{what_does_not_follow};

-- name: history_break
-- params: book int
-- columns: timestamp_ns int
-- plan: scan every event is looked at
-- The first of all that break, and not all in their order until one breaks: so the events are
-- joined as a whole.
WITH change AS ({changes} WHERE e.book = :book)
SELECT MIN(e.timestamp_ns) AS timestamp_ns
{what_does_not_follow}
HAVING COUNT(*) > 0;

-- name: check_balances
-- params: now int
-- columns: subject text, detail text
-- plan: scan every balance is looked at
-- Each balance is what its account's last event says; and as each history goes back to nothing, one
-- event at a time, the histories have all events, each twice.
SELECT CAST(b.book AS TEXT) || '/' || CAST(b.last_ns AS TEXT) AS subject,
       'a balance is not what its last event says' AS detail
FROM farm_ledger_balance AS b
WHERE (b.version = 0 AND b.debits_pending + b.debits_posted + b.credits_pending
                         + b.credits_posted = 0) IS NOT TRUE
  AND NOT EXISTS (
        SELECT 1 FROM farm_ledger_event AS e
        WHERE e.book = b.book AND e.timestamp_ns = b.last_ns
          AND ((e.debit_account = b.account AND e.debit_version = b.version
                AND e.debit_debits_pending = b.debits_pending
                AND e.debit_debits_posted = b.debits_posted
                AND e.debit_credits_pending = b.credits_pending
                AND e.debit_credits_posted = b.credits_posted)
            OR (e.credit_account = b.account AND e.credit_version = b.version
                AND e.credit_debits_pending = b.debits_pending
                AND e.credit_debits_posted = b.debits_posted
                AND e.credit_credits_pending = b.credits_pending
                AND e.credit_credits_posted = b.credits_posted)))
UNION ALL
SELECT CAST(a.book AS TEXT) || '/' || CAST(a.number AS TEXT) AS subject,
       'an account has no balance' AS detail
FROM farm_ledger_account AS a
WHERE NOT EXISTS (SELECT 1 FROM farm_ledger_balance AS b
                  WHERE b.book = a.book AND b.account = a.number)
UNION ALL
SELECT CAST(known.book AS TEXT) AS subject, 'an event is in no history, or in two' AS detail
FROM (SELECT book, CAST(SUM(version) AS BIGINT) AS total FROM farm_ledger_balance GROUP BY book)
    AS known
LEFT JOIN (SELECT book, COUNT(*) AS total FROM farm_ledger_event GROUP BY book) AS there
    ON there.book = known.book
WHERE known.total <> 2 * COALESCE(there.total, 0);

-- name: check_holds
-- params: now int
-- columns: subject text, detail text
-- plan: scan every event is looked at
-- The holds are the pending events that nothing has ended.
SELECT CAST(e.book AS TEXT) || '/' || CAST(e.timestamp_ns AS TEXT) AS subject,
       CASE WHEN h.id IS NULL THEN 'it has not ended and is not among the holds'
            ELSE 'it has ended and is among the holds' END AS detail
FROM farm_ledger_event AS e
LEFT JOIN farm_ledger_hold AS h ON h.book = e.book AND h.id = e.id AND h.amount = e.amount
LEFT JOIN farm_ledger_event AS r ON r.book = e.book AND r.pending_id = e.id
WHERE e.kind = 1 AND (h.id IS NULL) = (r.timestamp_ns IS NULL);

-- name: check_reversals
-- params: now int
-- columns: subject text, detail text
-- plan: scan every event is looked at
-- What is reversed went the other way, and not more of it came back.
WITH back AS (
    SELECT book, reversed_id, debit_account, credit_account, SUM(amount) AS total
    FROM farm_ledger_event WHERE reversed_id IS NOT NULL
    GROUP BY book, reversed_id, debit_account, credit_account)
SELECT CAST(back.book AS TEXT) || '/' || CAST(back.debit_account AS TEXT) AS subject,
       'more was reversed than was moved' AS detail
FROM back
LEFT JOIN farm_ledger_event AS e
    ON e.id = back.reversed_id AND e.book = back.book AND e.kind IN (0, 2)
WHERE (back.total <= e.amount AND back.debit_account = e.credit_account
       AND back.credit_account = e.debit_account) IS NOT TRUE;

-- fragment: closed_by_holds
SELECT e.book, e.debit_account AS account FROM farm_ledger_event AS e
WHERE e.kind = 1 AND (e.flags & 64) <> 0 AND NOT EXISTS (
        SELECT 1 FROM farm_ledger_event AS r
        WHERE r.book = e.book AND r.pending_id = e.id AND r.kind IN (3, 4))
UNION
SELECT e.book, e.credit_account FROM farm_ledger_event AS e
WHERE e.kind = 1 AND (e.flags & 128) <> 0 AND NOT EXISTS (
        SELECT 1 FROM farm_ledger_event AS r
        WHERE r.book = e.book AND r.pending_id = e.id AND r.kind IN (3, 4));

-- name: check_closed
-- params: now int
-- columns: subject text, detail text
-- plan: scan every event is looked at
-- Closed are accounts that were opened so, and those that a hold closes that was not given back.
WITH closing AS ({closed_by_holds})
SELECT CAST(b.book AS TEXT) || '/' || CAST(b.account AS TEXT) AS subject,
       CASE WHEN b.is_closed = 1 THEN 'it is closed and nothing closed it'
            ELSE 'it is open and was closed' END AS detail
FROM farm_ledger_balance AS b
JOIN farm_ledger_account AS a ON a.book = b.book AND a.number = b.account
LEFT JOIN closing ON closing.book = b.book AND closing.account = b.account
WHERE (b.is_closed = 1) <> ((a.flags & 32) <> 0 OR closing.account IS NOT NULL);

-- fragment: limit_of
COALESCE((SELECT l.credit_limit FROM farm_ledger_limit AS l
              WHERE l.book = a.book AND l.account = a.number
              ORDER BY l.timestamp_ns DESC LIMIT 1), a.credit_limit);

-- name: check_limits
-- params: now int
-- columns: subject text, detail text
-- plan: scan every balance is looked at
SELECT CAST(b.book AS TEXT) || '/' || CAST(b.account AS TEXT) AS subject,
       'its credit limit is not the one that it was given last' AS detail
FROM farm_ledger_balance AS b
JOIN farm_ledger_account AS a ON a.book = b.book AND a.number = b.account
WHERE b.credit_limit <> {limit_of};

-- fragment: is_debit
e.debit_account = a.number;

-- name: balance_differ
-- params: book int, budget int
-- columns: account int, id blob, is_closed int, version int, last_ns int
-- columns: debits_pending int, debits_posted int, credits_pending int, credits_posted int
-- columns: kept_is_closed int, kept_version int, kept_last_ns int
-- columns: kept_debits_pending int, kept_debits_posted int, kept_credits_pending int
-- columns: kept_credits_posted int, credit_limit int, kept_credit_limit int
-- plan: scan every event is looked at
WITH closing AS ({closed_by_holds}),
latest AS (
    SELECT side.account, MAX(side.timestamp_ns) AS timestamp_ns
    FROM (SELECT debit_account AS account, timestamp_ns FROM farm_ledger_event WHERE book = :book
          UNION ALL
          SELECT credit_account, timestamp_ns FROM farm_ledger_event WHERE book = :book) AS side
    GROUP BY side.account),
reckoned AS (
    SELECT a.book, a.number AS account, a.id, {limit_of} AS credit_limit,
           CAST(CASE WHEN (a.flags & 32) <> 0 OR closing.account IS NOT NULL THEN 1 ELSE 0 END
                AS BIGINT) AS is_closed,
           COALESCE(CASE WHEN {is_debit} THEN e.debit_version
                         ELSE e.credit_version END, 0) AS version,
           COALESCE(e.timestamp_ns, a.timestamp_ns) AS last_ns,
           COALESCE(CASE WHEN {is_debit} THEN e.debit_debits_pending
                         ELSE e.credit_debits_pending END, 0) AS debits_pending,
           COALESCE(CASE WHEN {is_debit} THEN e.debit_debits_posted
                         ELSE e.credit_debits_posted END, 0) AS debits_posted,
           COALESCE(CASE WHEN {is_debit} THEN e.debit_credits_pending
                         ELSE e.credit_credits_pending END, 0) AS credits_pending,
           COALESCE(CASE WHEN {is_debit} THEN e.debit_credits_posted
                         ELSE e.credit_credits_posted END, 0) AS credits_posted
    FROM farm_ledger_account AS a
    LEFT JOIN latest ON latest.account = a.number
    LEFT JOIN farm_ledger_event AS e
        ON e.book = a.book AND e.timestamp_ns = latest.timestamp_ns
    LEFT JOIN closing ON closing.book = a.book AND closing.account = a.number
    WHERE a.book = :book)
SELECT r.account, r.id, r.is_closed, r.version, r.last_ns, r.debits_pending, r.debits_posted,
       r.credits_pending, r.credits_posted,
       COALESCE(b.is_closed, 0) AS kept_is_closed, COALESCE(b.version, 0) AS kept_version,
       COALESCE(b.last_ns, 0) AS kept_last_ns,
       COALESCE(b.debits_pending, 0) AS kept_debits_pending,
       COALESCE(b.debits_posted, 0) AS kept_debits_posted,
       COALESCE(b.credits_pending, 0) AS kept_credits_pending,
       COALESCE(b.credits_posted, 0) AS kept_credits_posted, r.credit_limit,
       COALESCE(b.credit_limit, 0) AS kept_credit_limit
FROM reckoned AS r
LEFT JOIN farm_ledger_balance AS b ON b.book = r.book AND b.account = r.account
WHERE ((b.is_closed, b.version, b.last_ns, b.debits_pending, b.debits_posted, b.credits_pending,
        b.credits_posted, b.credit_limit)
       = (r.is_closed, r.version, r.last_ns, r.debits_pending, r.debits_posted, r.credits_pending,
          r.credits_posted, r.credit_limit)) IS NOT TRUE
ORDER BY r.account LIMIT :budget;

-- name: balance_repair
-- params: book int
-- each: account int, is_closed int, version int, last_ns int, debits_pending int
-- each: debits_posted int, credits_pending int, credits_posted int, kept_version int
-- each: kept_last_ns int, credit_limit int
-- One that is not there is begun. One that has changed since it was compared is left alone: it is
-- compared again.
INSERT INTO farm_ledger_balance (book, account, flags, credit_limit, is_closed, version, last_ns,
    debits_pending, debits_posted, credits_pending, credits_posted)
SELECT a.book, a.number, a.flags, {limit_of}, 0, 0, a.timestamp_ns, 0, 0, 0, 0
FROM farm_ledger_account AS a
WHERE a.book = :book AND a.number = :account AND :kept_last_ns = 0
ON CONFLICT (book, account) DO NOTHING;
UPDATE farm_ledger_balance
SET is_closed = :is_closed, version = :version, last_ns = :last_ns,
    debits_pending = :debits_pending, debits_posted = :debits_posted,
    credits_pending = :credits_pending, credits_posted = :credits_posted,
    credit_limit = :credit_limit
WHERE book = :book AND account = :account
  AND (version = :kept_version AND last_ns = :kept_last_ns OR :kept_last_ns = 0);
