-- Where Postgres differs: several writers at once, and many rows in one statement. As in ledger.sql
-- rows are looked up one by one, so that plans do not depend on statistics.

-- name: series_lock
-- arrays
-- One by one in the order in which they come, which is that of the keys.
WITH wanted AS MATERIALIZED (
    SELECT u.book, u.series, u.place
    FROM unnest((SELECT :book), (SELECT :series)) WITH ORDINALITY AS u (book, series, place)
    ORDER BY u.place)
SELECT wanted.place - 1 AS ordinal, s.last_number
FROM wanted
CROSS JOIN LATERAL (SELECT k.last_number FROM farm_ledger_series AS k
                    WHERE k.book = wanted.book AND k.series = wanted.series FOR UPDATE) AS s;

-- name: transfer_lock
-- One by one in the order of the keys, after the series: so two who issue cannot wait for each
-- other. Not for the key: what refers to an event does not wait.
WITH wanted AS MATERIALIZED (
    SELECT e.book, e.timestamp_ns
    FROM unnest((SELECT :transfers)) AS asked (id)
    CROSS JOIN LATERAL (SELECT k.book, k.timestamp_ns FROM farm_ledger_event AS k
                        WHERE k.id = asked.id OFFSET 0) AS e
    UNION
    SELECT l.book, l.timestamp_ns
    FROM unnest((SELECT :corrected), (SELECT :corrected_lines)) AS asked (id, line)
    CROSS JOIN LATERAL (SELECT k.book FROM farm_ledger_invoice AS k
                        WHERE k.id = asked.id OFFSET 0) AS i
    CROSS JOIN LATERAL (SELECT k.book, k.timestamp_ns FROM farm_ledger_invoice_line AS k
                        WHERE k.book = i.book AND k.invoice_id = asked.id
                          AND k.line = asked.line OFFSET 0) AS l
    ORDER BY book, timestamp_ns)
SELECT e.timestamp_ns
FROM wanted
CROSS JOIN LATERAL (SELECT k.timestamp_ns FROM farm_ledger_event AS k
                    WHERE k.book = wanted.book AND k.timestamp_ns = wanted.timestamp_ns
                    FOR NO KEY UPDATE) AS e;

-- name: transfer_read
SELECT {transfer_row}
FROM unnest((SELECT :transfers)) AS asked (id)
CROSS JOIN LATERAL (SELECT k.* FROM farm_ledger_event AS k WHERE k.id = asked.id OFFSET 0) AS e
CROSS JOIN LATERAL (SELECT k.id FROM farm_ledger_account AS k
                    WHERE k.book = e.book AND k.number = e.debit_account OFFSET 0) AS d
CROSS JOIN LATERAL (SELECT k.id FROM farm_ledger_account AS k
                    WHERE k.book = e.book AND k.number = e.credit_account OFFSET 0) AS c;

-- name: owner_read
SELECT a.id, a.book
FROM unnest((SELECT :accounts)) AS asked (id)
CROSS JOIN LATERAL (SELECT k.id, k.book FROM farm_ledger_account AS k
                    WHERE k.id = asked.id OFFSET 0) AS a;

-- name: invoice_read
SELECT {invoice_row}
FROM unnest((SELECT :ids)) AS asked (id)
CROSS JOIN LATERAL (SELECT k.* FROM farm_ledger_invoice AS k WHERE k.id = asked.id OFFSET 0) AS i
CROSS JOIN LATERAL (SELECT k.id FROM farm_ledger_account AS k
                    WHERE k.book = i.book AND k.number = i.account OFFSET 0) AS a;

-- name: line_read
-- arrays
SELECT asked.place - 1 AS ordinal, {line_row}
FROM unnest((SELECT :invoice_id), (SELECT :line)) WITH ORDINALITY AS asked (id, line, place)
CROSS JOIN LATERAL (SELECT k.book FROM farm_ledger_invoice AS k
                    WHERE k.id = asked.id OFFSET 0) AS i
CROSS JOIN LATERAL (SELECT k.* FROM farm_ledger_invoice_line AS k
                    WHERE k.book = i.book AND k.invoice_id = asked.id
                      AND k.line = asked.line OFFSET 0) AS l
CROSS JOIN LATERAL (SELECT k.id FROM farm_ledger_event AS k
                    WHERE k.book = l.book AND k.timestamp_ns = l.timestamp_ns OFFSET 0) AS e;

-- name: series_add
-- arrays
INSERT INTO farm_ledger_series (book, series, last_number)
SELECT u.* FROM unnest(:book, :series, :last_number) AS u (book, series, last_number);

-- name: series_put
-- arrays
UPDATE farm_ledger_series AS s SET last_number = u.last_number
FROM unnest(:book, :series, :known_number, :last_number)
    AS u (book, series, known_number, last_number)
WHERE s.book = u.book AND s.series = u.series AND s.last_number = u.known_number;

-- name: invoice_add
-- arrays
INSERT INTO farm_ledger_invoice ({invoice_columns})
SELECT u.book, u.series, u.number, u.id, a.number, u.corrects_id, u.user_data_128, u.issued_us,
       :now, u.line_count, u.amount, u.tax
FROM unnest(:book, :series, :number, :id, :account, :corrects_id, :user_data_128, :issued_us,
            :line_count, :amount, :tax)
    AS u (book, series, number, id, account, corrects_id, user_data_128, issued_us, line_count,
          amount, tax)
CROSS JOIN LATERAL (SELECT k.number FROM farm_ledger_account AS k
                    WHERE k.id = u.account OFFSET 0) AS a;

-- name: line_add
-- arrays
INSERT INTO farm_ledger_invoice_line ({line_columns})
SELECT u.*
FROM unnest(:book, :invoice_id, :line, :timestamp_ns, :corrected_id, :corrected_line, :amount,
            :tax, :tax_rate_ppm, :text) AS u ({line_columns});
