-- works-with: 1
-- Invoices and credit notes: what they are of is in farm_ledger_event, which they never change.

-- The number that was given out last in a series. It is that of an invoice, and no invoice is
-- beyond it: so none is missing, and none is skipped.
CREATE TABLE farm_ledger_series (
    book        INTEGER NOT NULL REFERENCES farm_ledger_book (book),
    series      TEXT    NOT NULL CHECK (length(CAST(series AS BLOB)) BETWEEN 1 AND 63),
    last_number INTEGER NOT NULL CHECK (last_number >= 1),
    PRIMARY KEY (book, series),
    FOREIGN KEY (book, series, last_number)
        REFERENCES farm_ledger_invoice (book, series, number) DEFERRABLE INITIALLY DEFERRED
) STRICT, WITHOUT ROWID;

CREATE TABLE farm_ledger_invoice (
    book          INTEGER NOT NULL,
    series        TEXT    NOT NULL,
    number        INTEGER NOT NULL CHECK (number >= 1),
    id            BLOB    NOT NULL CHECK (length(id) = 16 AND id <> zeroblob(16)),
    account       INTEGER NOT NULL,
    -- A credit note: the invoice.
    corrects_id   BLOB    CHECK (length(corrects_id) = 16),
    -- NULL: zeros.
    user_data_128 BLOB    CHECK (length(user_data_128) = 16),
    issued_us     INTEGER NOT NULL CHECK (issued_us >= 0),
    created_us    INTEGER NOT NULL CHECK (created_us >= 0),
    line_count    INTEGER NOT NULL CHECK (line_count >= 1),
    amount        INTEGER NOT NULL CHECK (amount >= 1),
    tax           INTEGER NOT NULL CHECK (tax BETWEEN 0 AND amount),
    PRIMARY KEY (book, series, number),
    FOREIGN KEY (book, account) REFERENCES farm_ledger_account (book, number),
    -- Its last line is there, and as each has one before it, all of them.
    FOREIGN KEY (book, id, line_count)
        REFERENCES farm_ledger_invoice_line (book, invoice_id, line) DEFERRABLE INITIALLY DEFERRED
) STRICT, WITHOUT ROWID;

-- global: an id is one invoice's wherever it is, so that a repeat in another book is told so
CREATE UNIQUE INDEX farm_ledger_invoice_id ON farm_ledger_invoice (id);

CREATE TABLE farm_ledger_invoice_line (
    book           INTEGER NOT NULL,
    invoice_id     BLOB    NOT NULL,
    line           INTEGER NOT NULL CHECK (line >= 1),
    -- The transfer.
    timestamp_ns   INTEGER NOT NULL,
    -- A credit note's: the line that it gives back of.
    corrected_id   BLOB,
    corrected_line INTEGER,
    amount         INTEGER NOT NULL CHECK (amount >= 1),
    tax            INTEGER NOT NULL CHECK (tax BETWEEN 0 AND amount),
    tax_rate_ppm   INTEGER NOT NULL CHECK (tax_rate_ppm BETWEEN 0 AND 2147483647),
    text           TEXT    NOT NULL CHECK (length(CAST(text AS BLOB)) <= 255),
    PRIMARY KEY (book, invoice_id, line),
    CHECK ((corrected_id IS NULL) = (corrected_line IS NULL)),
    FOREIGN KEY (book, timestamp_ns) REFERENCES farm_ledger_event (book, timestamp_ns),
    FOREIGN KEY (book, corrected_id, corrected_line)
        REFERENCES farm_ledger_invoice_line (book, invoice_id, line)
) STRICT, WITHOUT ROWID;

-- With all that is summed up by them in them: else they would be passed over for the primary key,
-- of which the planner without statistics expects as few rows a book as of these.
CREATE INDEX farm_ledger_invoice_line_event
    ON farm_ledger_invoice_line (book, timestamp_ns, corrected_id, amount);
CREATE INDEX farm_ledger_invoice_line_corrected
    ON farm_ledger_invoice_line (book, corrected_id, corrected_line, amount, tax);

CREATE TRIGGER farm_ledger_series_kept_update BEFORE UPDATE ON farm_ledger_series
WHEN NEW.book <> OLD.book OR NEW.series <> OLD.series OR NEW.last_number < OLD.last_number BEGIN
    SELECT RAISE(ABORT, 'a number that was given out stays so');
END;
CREATE TRIGGER farm_ledger_series_kept_delete BEFORE DELETE ON farm_ledger_series BEGIN
    SELECT RAISE(ABORT, 'a series is never deleted');
END;
CREATE TRIGGER farm_ledger_invoice_kept_update BEFORE UPDATE ON farm_ledger_invoice BEGIN
    SELECT RAISE(ABORT, 'an invoice is never changed');
END;
CREATE TRIGGER farm_ledger_invoice_kept_delete BEFORE DELETE ON farm_ledger_invoice BEGIN
    SELECT RAISE(ABORT, 'an invoice is never deleted');
END;
CREATE TRIGGER farm_ledger_invoice_line_kept_update BEFORE UPDATE ON farm_ledger_invoice_line BEGIN
    SELECT RAISE(ABORT, 'a line is never changed');
END;
CREATE TRIGGER farm_ledger_invoice_line_kept_delete BEFORE DELETE ON farm_ledger_invoice_line BEGIN
    SELECT RAISE(ABORT, 'a line is never deleted');
END;

CREATE TRIGGER farm_ledger_invoice_follows BEFORE INSERT ON farm_ledger_invoice BEGIN
    SELECT RAISE(ABORT, 'an invoice has the number after the one before it')
    WHERE NOT EXISTS (
        SELECT 1 FROM farm_ledger_series AS s
        WHERE s.book = NEW.book AND s.series = NEW.series AND s.last_number >= NEW.number)
       OR NEW.number > 1 AND NOT EXISTS (
        SELECT 1 FROM farm_ledger_invoice AS p
        WHERE p.book = NEW.book AND p.series = NEW.series AND p.number = NEW.number - 1);
    SELECT RAISE(ABORT, 'it does not fit the invoice that it corrects')
    WHERE NEW.corrects_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM farm_ledger_invoice AS p
        WHERE p.id = NEW.corrects_id AND p.book = NEW.book AND p.account = NEW.account
          AND p.corrects_id IS NULL);
END;

-- A line comes after the one before it, and with the last one the sums are those of the invoice.
CREATE TRIGGER farm_ledger_invoice_line_follows BEFORE INSERT ON farm_ledger_invoice_line BEGIN
    SELECT RAISE(ABORT, 'a line is written with its invoice')
    WHERE NOT EXISTS (
        SELECT 1 FROM farm_ledger_invoice AS i
        WHERE i.id = NEW.invoice_id AND i.book = NEW.book AND NEW.line <= i.line_count
          AND i.corrects_id IS NEW.corrected_id
          AND (NEW.line = 1 OR EXISTS (
              SELECT 1 FROM farm_ledger_invoice_line AS p
              WHERE p.book = NEW.book AND p.invoice_id = NEW.invoice_id
                AND p.line = NEW.line - 1))
          AND (NEW.line < i.line_count OR (i.amount - NEW.amount, i.tax - NEW.tax) = (
              SELECT COALESCE(SUM(p.amount), 0), COALESCE(SUM(p.tax), 0)
              FROM farm_ledger_invoice_line AS p
              WHERE p.book = NEW.book AND p.invoice_id = NEW.invoice_id)));
END;

-- What is invoiced of a transfer, less what was given back of it, is no more than it moved.
CREATE TRIGGER farm_ledger_invoice_line_bills BEFORE INSERT ON farm_ledger_invoice_line
WHEN NEW.corrected_id IS NULL BEGIN
    SELECT RAISE(ABORT, 'it does not fit the transfer that it is of')
    WHERE NOT EXISTS (
        SELECT 1 FROM farm_ledger_event AS e
        JOIN farm_ledger_invoice AS i ON i.id = NEW.invoice_id
        WHERE e.book = NEW.book AND e.timestamp_ns = NEW.timestamp_ns AND e.kind IN (0, 2)
          AND i.account IN (e.debit_account, e.credit_account)
          AND NEW.amount <= e.amount - COALESCE((
              SELECT SUM(l.amount - COALESCE((
                  SELECT SUM(c.amount) FROM farm_ledger_invoice_line AS c
                  WHERE c.book = l.book AND c.corrected_id = l.invoice_id
                    AND c.corrected_line = l.line), 0))
              FROM farm_ledger_invoice_line AS l
              WHERE l.book = e.book AND l.timestamp_ns = e.timestamp_ns
                AND l.corrected_id IS NULL), 0));
END;

CREATE TRIGGER farm_ledger_invoice_line_credits BEFORE INSERT ON farm_ledger_invoice_line
WHEN NEW.corrected_id IS NOT NULL BEGIN
    SELECT RAISE(ABORT, 'it does not fit the line that it gives back of')
    WHERE NOT EXISTS (
        SELECT 1 FROM farm_ledger_invoice_line AS l
        WHERE l.book = NEW.book AND l.invoice_id = NEW.corrected_id
          AND l.line = NEW.corrected_line AND l.corrected_id IS NULL
          AND l.timestamp_ns = NEW.timestamp_ns AND l.tax_rate_ppm = NEW.tax_rate_ppm
          AND NEW.tax <= l.tax - COALESCE((
              SELECT SUM(c.tax) FROM farm_ledger_invoice_line AS c
              WHERE c.book = l.book AND c.corrected_id = l.invoice_id
                AND c.corrected_line = l.line), 0)
          AND NEW.amount - NEW.tax <= l.amount - l.tax - COALESCE((
              SELECT SUM(c.amount - c.tax) FROM farm_ledger_invoice_line AS c
              WHERE c.book = l.book AND c.corrected_id = l.invoice_id
                AND c.corrected_line = l.line), 0));
END;
