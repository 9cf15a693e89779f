-- works-with: 1
-- Invoices and credit notes: what they are of is in farm_ledger_event, which they never change.

-- The number that was given out last in a series. It is that of an invoice, and no invoice is
-- beyond it: so none is missing, and none is skipped.
CREATE TABLE {schema}.farm_ledger_series (
    book bigint NOT NULL REFERENCES {schema}.farm_ledger_book (book),
    series text COLLATE "C" NOT NULL CHECK (octet_length(series) BETWEEN 1 AND 63),
    last_number bigint NOT NULL CHECK (last_number >= 1),
    PRIMARY KEY (book, series)
);

CREATE TABLE {schema}.farm_ledger_invoice (
    book bigint NOT NULL,
    series text COLLATE "C" NOT NULL,
    number bigint NOT NULL CHECK (number >= 1),
    id bytea NOT NULL CHECK (octet_length(id) = 16 AND id <> '\x00000000000000000000000000000000'),
    account bigint NOT NULL,
    -- A credit note: the invoice.
    corrects_id bytea CHECK (octet_length(corrects_id) = 16),
    -- NULL: zeros.
    user_data_128 bytea CHECK (octet_length(user_data_128) = 16),
    issued_us bigint NOT NULL CHECK (issued_us >= 0),
    created_us bigint NOT NULL CHECK (created_us >= 0),
    line_count bigint NOT NULL CHECK (line_count >= 1),
    amount bigint NOT NULL CHECK (amount >= 1),
    tax bigint NOT NULL CHECK (tax BETWEEN 0 AND amount),
    PRIMARY KEY (book, series, number),
    FOREIGN KEY (book, account) REFERENCES {schema}.farm_ledger_account (book, number)
);

-- global: an id is one invoice's wherever it is, so that a repeat in another book is told so
CREATE UNIQUE INDEX farm_ledger_invoice_id ON {schema}.farm_ledger_invoice (id);

CREATE TABLE {schema}.farm_ledger_invoice_line (
    book bigint NOT NULL,
    invoice_id bytea NOT NULL,
    line bigint NOT NULL CHECK (line >= 1),
    -- The transfer.
    timestamp_ns bigint NOT NULL,
    -- A credit note's: the line that it gives back of.
    corrected_id bytea,
    corrected_line bigint,
    amount bigint NOT NULL CHECK (amount >= 1),
    tax bigint NOT NULL CHECK (tax BETWEEN 0 AND amount),
    tax_rate_ppm bigint NOT NULL CHECK (tax_rate_ppm BETWEEN 0 AND 2147483647),
    text text COLLATE "C" NOT NULL CHECK (octet_length(text) <= 255),
    PRIMARY KEY (book, invoice_id, line),
    CHECK ((corrected_id IS NULL) = (corrected_line IS NULL)),
    FOREIGN KEY (book, timestamp_ns) REFERENCES {schema}.farm_ledger_event (book, timestamp_ns),
    FOREIGN KEY (book, corrected_id, corrected_line)
        REFERENCES {schema}.farm_ledger_invoice_line (book, invoice_id, line)
);

CREATE INDEX farm_ledger_invoice_line_event
    ON {schema}.farm_ledger_invoice_line (book, timestamp_ns) WHERE corrected_id IS NULL;
CREATE INDEX farm_ledger_invoice_line_corrected
    ON {schema}.farm_ledger_invoice_line (book, corrected_id, corrected_line)
    WHERE corrected_id IS NOT NULL;

ALTER TABLE {schema}.farm_ledger_series ADD FOREIGN KEY (book, series, last_number)
    REFERENCES {schema}.farm_ledger_invoice (book, series, number) DEFERRABLE INITIALLY DEFERRED;
-- An invoice has lines once its transaction has ended; which they are is for the trigger below.
ALTER TABLE {schema}.farm_ledger_invoice ADD FOREIGN KEY (book, id, line_count)
    REFERENCES {schema}.farm_ledger_invoice_line (book, invoice_id, line)
    DEFERRABLE INITIALLY DEFERRED;

CREATE TRIGGER farm_ledger_series_kept BEFORE UPDATE ON {schema}.farm_ledger_series
    FOR EACH ROW WHEN ((NEW.book, NEW.series) <> (OLD.book, OLD.series)
                       OR NEW.last_number < OLD.last_number)
    EXECUTE FUNCTION {schema}.farm_ledger_keep();
CREATE TRIGGER farm_ledger_series_kept_too BEFORE DELETE ON {schema}.farm_ledger_series
    FOR EACH ROW EXECUTE FUNCTION {schema}.farm_ledger_keep();
CREATE TRIGGER farm_ledger_series_kept_whole BEFORE TRUNCATE ON {schema}.farm_ledger_series
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.farm_ledger_keep();
CREATE TRIGGER farm_ledger_invoice_kept BEFORE UPDATE OR DELETE ON {schema}.farm_ledger_invoice
    FOR EACH ROW EXECUTE FUNCTION {schema}.farm_ledger_keep();
CREATE TRIGGER farm_ledger_invoice_kept_whole BEFORE TRUNCATE ON {schema}.farm_ledger_invoice
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.farm_ledger_keep();
CREATE TRIGGER farm_ledger_invoice_line_kept
    BEFORE UPDATE OR DELETE ON {schema}.farm_ledger_invoice_line
    FOR EACH ROW EXECUTE FUNCTION {schema}.farm_ledger_keep();
CREATE TRIGGER farm_ledger_invoice_line_kept_whole
    BEFORE TRUNCATE ON {schema}.farm_ledger_invoice_line
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.farm_ledger_keep();

-- OFFSET 0 keeps what these ask a look-up a row: as a join it would read the whole table.
CREATE FUNCTION {schema}.farm_ledger_invoice_follows() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off
AS $$
BEGIN
    IF EXISTS (
        SELECT FROM after AS i
        WHERE NOT EXISTS (
            SELECT FROM {schema}.farm_ledger_series AS s
            WHERE s.book = i.book AND s.series = i.series AND s.last_number >= i.number OFFSET 0)
           OR i.number > 1 AND NOT EXISTS (
            SELECT FROM {schema}.farm_ledger_invoice AS p
            WHERE p.book = i.book AND p.series = i.series AND p.number = i.number - 1
            OFFSET 0)) THEN
        RAISE EXCEPTION 'an invoice has the number after the one before it' USING ERRCODE = '23514';
    END IF;
    IF EXISTS (
        SELECT FROM after AS i
        WHERE i.corrects_id IS NOT NULL AND NOT EXISTS (
            SELECT FROM {schema}.farm_ledger_invoice AS p
            WHERE p.id = i.corrects_id AND p.book = i.book AND p.account = i.account
              AND p.corrects_id IS NULL OFFSET 0)) THEN
        RAISE EXCEPTION 'it does not fit the invoice that it corrects' USING ERRCODE = '23514';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER farm_ledger_invoice_follows AFTER INSERT ON {schema}.farm_ledger_invoice
    REFERENCING NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.farm_ledger_invoice_follows();

-- All lines of an invoice are written by one statement, and then they are what the invoice says: so
-- none can come later.
CREATE FUNCTION {schema}.farm_ledger_invoice_line_follows() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off
AS $$
BEGIN
    IF EXISTS (
        SELECT FROM (SELECT DISTINCT a.book, a.invoice_id, a.corrected_id FROM after AS a) AS w
        WHERE NOT EXISTS (
            SELECT FROM {schema}.farm_ledger_invoice AS i
            WHERE i.id = w.invoice_id AND i.book = w.book
              AND i.corrects_id IS NOT DISTINCT FROM w.corrected_id
              AND (i.line_count, i.line_count, i.amount, i.tax) = (
                SELECT count(*), max(l.line), sum(l.amount), sum(l.tax)
                FROM {schema}.farm_ledger_invoice_line AS l
                WHERE l.book = w.book AND l.invoice_id = w.invoice_id) OFFSET 0)) THEN
        RAISE EXCEPTION 'lines are written with their invoice' USING ERRCODE = '23514';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER farm_ledger_invoice_line_follows AFTER INSERT ON {schema}.farm_ledger_invoice_line
    REFERENCING NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.farm_ledger_invoice_line_follows();

-- What is invoiced of a transfer, less what was given back of it, is no more than it moved. The
-- transfers are locked before it is summed up, so that it is so of writers that meet, too.
CREATE FUNCTION {schema}.farm_ledger_invoice_line_fits() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off
AS $$
BEGIN
    PERFORM FROM (SELECT DISTINCT a.book, a.timestamp_ns FROM after AS a
                  ORDER BY a.book, a.timestamp_ns) AS w
    CROSS JOIN LATERAL (SELECT FROM {schema}.farm_ledger_event AS k
                        WHERE k.book = w.book AND k.timestamp_ns = w.timestamp_ns
                        FOR NO KEY UPDATE) AS e;
    IF EXISTS (
        SELECT FROM (SELECT DISTINCT a.book, a.timestamp_ns, i.account FROM after AS a
                     JOIN {schema}.farm_ledger_invoice AS i ON i.id = a.invoice_id
                     WHERE a.corrected_id IS NULL) AS w
        WHERE NOT EXISTS (
            SELECT FROM {schema}.farm_ledger_event AS e
            WHERE e.book = w.book AND e.timestamp_ns = w.timestamp_ns AND e.kind IN (0, 2)
              AND w.account IN (e.debit_account, e.credit_account)
              AND e.amount >= (
                SELECT sum(l.amount - COALESCE((
                    SELECT sum(c.amount) FROM {schema}.farm_ledger_invoice_line AS c
                    WHERE c.book = l.book AND c.corrected_id = l.invoice_id
                      AND c.corrected_line = l.line), 0))
                FROM {schema}.farm_ledger_invoice_line AS l
                WHERE l.book = e.book AND l.timestamp_ns = e.timestamp_ns
                  AND l.corrected_id IS NULL) OFFSET 0)) THEN
        RAISE EXCEPTION 'it does not fit the transfer that it is of' USING ERRCODE = '23514';
    END IF;
    IF EXISTS (
        SELECT FROM (SELECT DISTINCT a.book, a.corrected_id, a.corrected_line, a.timestamp_ns,
                            a.tax_rate_ppm FROM after AS a
                     WHERE a.corrected_id IS NOT NULL) AS w
        WHERE NOT EXISTS (
            SELECT FROM {schema}.farm_ledger_invoice_line AS l
            WHERE l.book = w.book AND l.invoice_id = w.corrected_id
              AND l.line = w.corrected_line AND l.corrected_id IS NULL
              AND l.timestamp_ns = w.timestamp_ns AND l.tax_rate_ppm = w.tax_rate_ppm
              AND (SELECT sum(c.tax) <= l.tax AND sum(c.amount - c.tax) <= l.amount - l.tax
                   FROM {schema}.farm_ledger_invoice_line AS c
                   WHERE c.book = l.book AND c.corrected_id = l.invoice_id
                     AND c.corrected_line = l.line) OFFSET 0)) THEN
        RAISE EXCEPTION 'it does not fit the line that it gives back of' USING ERRCODE = '23514';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER farm_ledger_invoice_line_fits AFTER INSERT ON {schema}.farm_ledger_invoice_line
    REFERENCING NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.farm_ledger_invoice_line_fits();

ALTER TABLE {schema}.farm_ledger_series ENABLE ROW LEVEL SECURITY;
ALTER TABLE {schema}.farm_ledger_series FORCE ROW LEVEL SECURITY;
CREATE POLICY farm_ledger_series_service ON {schema}.farm_ledger_series
    USING (current_setting('farm.actor', true) = 's')
    WITH CHECK (current_setting('farm.actor', true) = 's');

ALTER TABLE {schema}.farm_ledger_invoice ENABLE ROW LEVEL SECURITY;
ALTER TABLE {schema}.farm_ledger_invoice FORCE ROW LEVEL SECURITY;
CREATE POLICY farm_ledger_invoice_service ON {schema}.farm_ledger_invoice
    USING (current_setting('farm.actor', true) = 's')
    WITH CHECK (current_setting('farm.actor', true) = 's');

ALTER TABLE {schema}.farm_ledger_invoice_line ENABLE ROW LEVEL SECURITY;
ALTER TABLE {schema}.farm_ledger_invoice_line FORCE ROW LEVEL SECURITY;
CREATE POLICY farm_ledger_invoice_line_service ON {schema}.farm_ledger_invoice_line
    USING (current_setting('farm.actor', true) = 's')
    WITH CHECK (current_setting('farm.actor', true) = 's');
