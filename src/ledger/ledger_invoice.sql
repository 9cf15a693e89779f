-- Invoices and credit notes. What may be on one is decided by the rules under the locks of the
-- series and of the transfers; what gets past them is refused by keys, checks and triggers.

-- name: series_lock
-- each: book int, series text
-- columns: last_number int
-- Who issues in a series has it for himself until his transaction has ended; on Postgres see there.
SELECT s.last_number FROM farm_ledger_series AS s WHERE s.book = :book AND s.series = :series;

-- name: transfer_lock
-- params: transfers blob[], corrected blob[], corrected_lines int[]
-- columns: timestamp_ns int
-- Likewise what is invoiced, and what the lines are of that are given back of; the second list and
-- the third belong together.
SELECT e.timestamp_ns FROM farm_ledger_event AS e WHERE e.id IN (:transfers)
UNION
SELECT l.timestamp_ns FROM farm_ledger_invoice AS i
JOIN farm_ledger_invoice_line AS l ON l.book = i.book AND l.invoice_id = i.id
WHERE i.id IN (:corrected) AND l.line IN (:corrected_lines);

-- fragment: given_back
COALESCE((SELECT CAST(SUM(c.amount) AS BIGINT) FROM farm_ledger_invoice_line AS c
                 WHERE c.book = l.book AND c.corrected_id = l.invoice_id
                   AND c.corrected_line = l.line), 0);

-- fragment: transfer_row
e.book, e.timestamp_ns, e.kind, e.id, d.id AS debit_account, c.id AS credit_account, e.amount,
       COALESCE((SELECT CAST(SUM(l.amount - {given_back}) AS BIGINT)
                 FROM farm_ledger_invoice_line AS l
                 WHERE l.book = e.book AND l.timestamp_ns = e.timestamp_ns
                   AND l.corrected_id IS NULL), 0) AS invoiced;

-- name: transfer_read
-- params: transfers blob[]
-- columns: book int, timestamp_ns int, kind int, id blob, debit_account blob, credit_account blob
-- columns: amount int, invoiced int
SELECT {transfer_row}
FROM farm_ledger_event AS e
JOIN farm_ledger_account AS d ON d.book = e.book AND d.number = e.debit_account
JOIN farm_ledger_account AS c ON c.book = e.book AND c.number = e.credit_account
WHERE e.id IN (:transfers);

-- name: owner_read
-- params: accounts blob[]
-- columns: id blob, book int
SELECT a.id, a.book FROM farm_ledger_account AS a WHERE a.id IN (:accounts);

-- fragment: invoice_row
i.book, i.series, i.number, i.id, a.id AS account, i.corrects_id, i.user_data_128, i.issued_us,
       i.created_us, i.line_count, i.amount, i.tax,
       COALESCE((SELECT CAST(SUM(c.amount) AS BIGINT) FROM farm_ledger_invoice_line AS c
                 WHERE c.book = i.book AND c.corrected_id = i.id), 0) AS credited;

-- name: invoice_read
-- params: ids blob[]
-- columns: book int, series text, number int, id blob, account blob, corrects_id blob?
-- columns: user_data_128 blob?, issued_us int, created_us int, line_count int, amount int, tax int
-- columns: credited int
SELECT {invoice_row}
FROM farm_ledger_invoice AS i
JOIN farm_ledger_account AS a ON a.book = i.book AND a.number = i.account
WHERE i.id IN (:ids);

-- name: invoice_page
-- params: book int, series text, after_number int, budget int
-- rows: invoice_read
SELECT {invoice_row}
FROM farm_ledger_invoice AS i
JOIN farm_ledger_account AS a ON a.book = i.book AND a.number = i.account
WHERE i.book = :book AND i.series = :series AND i.number > :after_number
ORDER BY i.number LIMIT :budget;

-- fragment: line_row
l.line, e.id AS transfer, l.timestamp_ns, l.corrected_line, l.amount, l.tax, l.tax_rate_ppm, l.text,
       {given_back} AS credited,
       COALESCE((SELECT CAST(SUM(c.tax) AS BIGINT) FROM farm_ledger_invoice_line AS c
                 WHERE c.book = l.book AND c.corrected_id = l.invoice_id
                   AND c.corrected_line = l.line), 0) AS credited_tax;

-- name: line_read
-- each: invoice_id blob, line int
-- columns: line int, transfer blob, timestamp_ns int, corrected_line int?, amount int, tax int
-- columns: tax_rate_ppm int, text text, credited int, credited_tax int
SELECT {line_row}
FROM farm_ledger_invoice AS i
JOIN farm_ledger_invoice_line AS l
    ON l.book = i.book AND l.invoice_id = i.id AND l.line = :line
JOIN farm_ledger_event AS e ON e.book = l.book AND e.timestamp_ns = l.timestamp_ns
WHERE i.id = :invoice_id;

-- name: line_page
-- params: invoice_id blob, after_line int, budget int
-- rows: line_read
SELECT {line_row}
FROM farm_ledger_invoice AS i
JOIN farm_ledger_invoice_line AS l
    ON l.book = i.book AND l.invoice_id = i.id AND l.line > :after_line
JOIN farm_ledger_event AS e ON e.book = l.book AND e.timestamp_ns = l.timestamp_ns
WHERE i.id = :invoice_id
ORDER BY l.line LIMIT :budget;

-- name: series_add
-- each: book int, series text, last_number int
-- on: unique = EAGAIN
-- The first invoices of a series, of which somebody else may be writing the first.
INSERT INTO farm_ledger_series (book, series, last_number) VALUES (:book, :series, :last_number);

-- name: series_put
-- each: book int, series text, known_number int, last_number int
-- expect: 1                       a miss: it is no longer what was decided by
-- on: guard = EAGAIN
UPDATE farm_ledger_series SET last_number = :last_number
WHERE book = :book AND series = :series AND last_number = :known_number;

-- fragment: invoice_columns
book, series, number, id, account, corrects_id, user_data_128, issued_us, created_us, line_count,
    amount, tax;

-- name: invoice_add
-- params: now int
-- each: book int, series text, number int, id blob, account blob, corrects_id blob?
-- each: user_data_128 blob?, issued_us int, line_count int, amount int, tax int
-- expect: 1
-- on: unique = EAGAIN
INSERT INTO farm_ledger_invoice ({invoice_columns})
SELECT :book, :series, :number, :id, a.number, :corrects_id, :user_data_128, :issued_us, :now,
       :line_count, :amount, :tax
FROM farm_ledger_account AS a WHERE a.id = :account;

-- fragment: line_columns
book, invoice_id, line, timestamp_ns, corrected_id, corrected_line, amount, tax, tax_rate_ppm,
    text;

-- name: line_add
-- each: book int, invoice_id blob, line int, timestamp_ns int, corrected_id blob?
-- each: corrected_line int?, amount int, tax int, tax_rate_ppm int, text text
-- on: check = EAGAIN
-- A trigger finds out what came into being after the locks were taken, as an invoice that one of
-- these corrects may have; it is then decided again.
INSERT INTO farm_ledger_invoice_line ({line_columns})
VALUES (:book, :invoice_id, :line, :timestamp_ns, :corrected_id, :corrected_line, :amount, :tax,
        :tax_rate_ppm, :text);

-- name: check_invoice_numbers
-- params: now int
-- columns: subject text, detail text
-- plan: scan every invoice is looked at
-- The numbers of a series are 1 to the last that was given out.
SELECT CAST(COALESCE(s.book, there.book) AS TEXT) || '/' || COALESCE(s.series, there.series)
       AS subject, 'its numbers are not those that were given out' AS detail
FROM farm_ledger_series AS s
FULL JOIN (SELECT i.book, i.series, COUNT(*) AS total, MIN(i.number) AS first,
                  MAX(i.number) AS last
           FROM farm_ledger_invoice AS i GROUP BY i.book, i.series) AS there
    ON there.book = s.book AND there.series = s.series
WHERE (there.first = 1 AND there.last = there.total AND there.last = s.last_number) IS NOT TRUE;

-- name: check_invoice_totals
-- params: now int
-- columns: subject text, detail text
-- plan: scan every invoice is looked at
-- The sums are those of the lines, and the lines are of an invoice.
WITH there AS (
    SELECT l.book, l.invoice_id, COUNT(*) AS total, MIN(l.line) AS first, MAX(l.line) AS last,
           SUM(l.amount) AS amount, SUM(l.tax) AS tax
    FROM farm_ledger_invoice_line AS l GROUP BY l.book, l.invoice_id)
SELECT CAST(i.book AS TEXT) || '/' || i.series || '/' || CAST(i.number AS TEXT) AS subject,
       'its sums are not those of its lines' AS detail
FROM farm_ledger_invoice AS i
LEFT JOIN there ON there.book = i.book AND there.invoice_id = i.id
WHERE (there.first = 1 AND there.last = there.total AND there.total = i.line_count
       AND there.amount = i.amount AND there.tax = i.tax) IS NOT TRUE
UNION ALL
SELECT CAST(there.book AS TEXT) AS subject, 'lines are of no invoice' AS detail
FROM there
LEFT JOIN farm_ledger_invoice AS i ON i.book = there.book AND i.id = there.invoice_id
WHERE i.id IS NULL;

-- name: check_invoice_lines
-- params: now int
-- columns: subject text, detail text
-- plan: scan every line is looked at
-- Each line is of a transfer of the account, and no transfer is invoiced for more than it moved.
SELECT CAST(i.book AS TEXT) || '/' || i.series || '/' || CAST(i.number AS TEXT) || '/'
       || CAST(l.line AS TEXT) AS subject, 'it is of no transfer of the account' AS detail
FROM farm_ledger_invoice_line AS l
JOIN farm_ledger_invoice AS i ON i.book = l.book AND i.id = l.invoice_id
LEFT JOIN farm_ledger_event AS e ON e.book = l.book AND e.timestamp_ns = l.timestamp_ns
WHERE (e.kind IN (0, 2) AND i.account IN (e.debit_account, e.credit_account)) IS NOT TRUE
UNION ALL
SELECT CAST(e.book AS TEXT) || '/' || CAST(e.timestamp_ns AS TEXT) AS subject,
       'more of it is invoiced than it moved' AS detail
FROM farm_ledger_event AS e
JOIN (SELECT l.book, l.timestamp_ns, SUM(l.amount - {given_back}) AS amount
      FROM farm_ledger_invoice_line AS l WHERE l.corrected_id IS NULL
      GROUP BY l.book, l.timestamp_ns) AS there
    ON there.book = e.book AND there.timestamp_ns = e.timestamp_ns
WHERE there.amount > e.amount;

-- name: check_credit_notes
-- params: now int
-- columns: subject text, detail text
-- plan: scan every credit note is looked at
-- Each is of an invoice and its lines, and no more of a line is given back than it has.
SELECT CAST(i.book AS TEXT) || '/' || i.series || '/' || CAST(i.number AS TEXT) AS subject,
       'it does not fit the invoice that it corrects' AS detail
FROM farm_ledger_invoice AS i
LEFT JOIN farm_ledger_invoice AS p ON p.id = i.corrects_id
WHERE i.corrects_id IS NOT NULL
  AND (p.book = i.book AND p.account = i.account AND p.corrects_id IS NULL) IS NOT TRUE
UNION ALL
SELECT CAST(i.book AS TEXT) || '/' || i.series || '/' || CAST(i.number AS TEXT) || '/'
       || CAST(c.line AS TEXT) AS subject, 'it does not fit the line that it is of' AS detail
FROM farm_ledger_invoice_line AS c
JOIN farm_ledger_invoice AS i ON i.book = c.book AND i.id = c.invoice_id
LEFT JOIN farm_ledger_invoice_line AS l
    ON l.book = c.book AND l.invoice_id = c.corrected_id AND l.line = c.corrected_line
WHERE (CASE WHEN i.corrects_id IS NULL THEN c.corrected_id IS NULL
       ELSE i.corrects_id = c.corrected_id AND l.corrected_id IS NULL
            AND l.timestamp_ns = c.timestamp_ns AND l.tax_rate_ppm = c.tax_rate_ppm END)
      IS NOT TRUE
UNION ALL
SELECT CAST(l.book AS TEXT) || '/' || CAST(l.timestamp_ns AS TEXT) AS subject,
       'more of a line of it is given back than there is' AS detail
FROM farm_ledger_invoice_line AS l
JOIN (SELECT c.book, c.corrected_id, c.corrected_line, SUM(c.tax) AS tax,
             SUM(c.amount - c.tax) AS rest
      FROM farm_ledger_invoice_line AS c WHERE c.corrected_id IS NOT NULL
      GROUP BY c.book, c.corrected_id, c.corrected_line) AS there
    ON there.book = l.book AND there.corrected_id = l.invoice_id
   AND there.corrected_line = l.line
WHERE there.tax > l.tax OR there.rest > l.amount - l.tax;
