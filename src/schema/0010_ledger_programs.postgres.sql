-- works-with: 1
-- Incentive programs, and who or what is nominated for them, by whom and until when.

CREATE TABLE {schema}.farm_ledger_program (
    book bigint NOT NULL REFERENCES {schema}.farm_ledger_book (book),
    id bytea NOT NULL CHECK (octet_length(id) = 16 AND id <> '\x00000000000000000000000000000000'),
    name text COLLATE "C" NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 255),
    from_us bigint NOT NULL CHECK (from_us >= 0),
    -- 9223372036854775807: never. As it is now, and as it was opened.
    until_us bigint NOT NULL CHECK (until_us >= from_us),
    opened_until_us bigint NOT NULL CHECK (opened_until_us > from_us),
    -- 0: however many.
    nominations_max bigint NOT NULL CHECK (nominations_max >= 0),
    -- NULL: zeros.
    user_data_128 bytea CHECK (octet_length(user_data_128) = 16),
    created_us bigint NOT NULL CHECK (created_us >= 0),
    PRIMARY KEY (book, id),
    CHECK (until_us <= opened_until_us)
);

-- global: an id is one program's wherever it is, so that a repeat in another book is told so
CREATE UNIQUE INDEX farm_ledger_program_id ON {schema}.farm_ledger_program (id);

CREATE TABLE {schema}.farm_ledger_nomination (
    book bigint NOT NULL,
    subject text COLLATE "C" NOT NULL CHECK (octet_length(subject) BETWEEN 1 AND 255),
    program bytea NOT NULL,
    -- Of the subject's in the program.
    number bigint NOT NULL CHECK (number >= 1),
    -- Its number in the book; NULL: none.
    account bigint,
    nominated_by text COLLATE "C" NOT NULL CHECK (octet_length(nominated_by) BETWEEN 1 AND 255),
    from_us bigint NOT NULL CHECK (from_us >= 0),
    -- 9223372036854775807: as long as the program. As it is now, and as it was made.
    until_us bigint NOT NULL CHECK (until_us >= from_us),
    given_until_us bigint NOT NULL CHECK (given_until_us > from_us),
    -- NULL: nobody.
    withdrawn_by text COLLATE "C" CHECK (octet_length(withdrawn_by) BETWEEN 1 AND 255),
    -- NULL: zeros.
    user_data_128 bytea CHECK (octet_length(user_data_128) = 16),
    PRIMARY KEY (book, subject, program, number),
    CHECK ((withdrawn_by IS NULL) = (until_us = given_until_us)),
    CHECK (until_us <= given_until_us),
    FOREIGN KEY (book, program) REFERENCES {schema}.farm_ledger_program (book, id),
    FOREIGN KEY (book, account) REFERENCES {schema}.farm_ledger_account (book, number)
);

CREATE INDEX farm_ledger_nomination_until
    ON {schema}.farm_ledger_nomination (book, program, until_us);
CREATE INDEX farm_ledger_nomination_subject
    ON {schema}.farm_ledger_nomination (book, program, subject, number);
CREATE INDEX farm_ledger_nomination_account
    ON {schema}.farm_ledger_nomination (book, program, account) WHERE account IS NOT NULL;

CREATE FUNCTION {schema}.farm_ledger_program_begins() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'a program begins with the end that it was opened with'
        USING ERRCODE = '23514';
END
$$;
CREATE TRIGGER farm_ledger_program_begins BEFORE INSERT ON {schema}.farm_ledger_program
    FOR EACH ROW WHEN (NEW.until_us <> NEW.opened_until_us)
    EXECUTE FUNCTION {schema}.farm_ledger_program_begins();

CREATE TRIGGER farm_ledger_program_kept BEFORE UPDATE ON {schema}.farm_ledger_program
    FOR EACH ROW WHEN (NEW.until_us >= OLD.until_us
                       OR (NEW.book, NEW.id, NEW.name, NEW.from_us, NEW.opened_until_us,
                           NEW.nominations_max, NEW.created_us)
                          <> (OLD.book, OLD.id, OLD.name, OLD.from_us, OLD.opened_until_us,
                              OLD.nominations_max, OLD.created_us)
                       OR NEW.user_data_128 IS DISTINCT FROM OLD.user_data_128)
    EXECUTE FUNCTION {schema}.farm_ledger_keep();
CREATE TRIGGER farm_ledger_program_kept_too BEFORE DELETE ON {schema}.farm_ledger_program
    FOR EACH ROW EXECUTE FUNCTION {schema}.farm_ledger_keep();
CREATE TRIGGER farm_ledger_program_kept_whole BEFORE TRUNCATE ON {schema}.farm_ledger_program
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.farm_ledger_keep();
CREATE TRIGGER farm_ledger_nomination_kept BEFORE UPDATE ON {schema}.farm_ledger_nomination
    FOR EACH ROW WHEN (OLD.withdrawn_by IS NOT NULL OR NEW.until_us >= OLD.until_us
                       OR (NEW.book, NEW.subject, NEW.program, NEW.number, NEW.nominated_by,
                           NEW.from_us, NEW.given_until_us)
                          <> (OLD.book, OLD.subject, OLD.program, OLD.number, OLD.nominated_by,
                              OLD.from_us, OLD.given_until_us)
                       OR NEW.account IS DISTINCT FROM OLD.account
                       OR NEW.user_data_128 IS DISTINCT FROM OLD.user_data_128)
    EXECUTE FUNCTION {schema}.farm_ledger_keep();
CREATE TRIGGER farm_ledger_nomination_kept_too BEFORE DELETE ON {schema}.farm_ledger_nomination
    FOR EACH ROW EXECUTE FUNCTION {schema}.farm_ledger_keep();
CREATE TRIGGER farm_ledger_nomination_kept_whole BEFORE TRUNCATE ON {schema}.farm_ledger_nomination
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.farm_ledger_keep();

-- How many run is reckoned as of when each begins, once a statement. The programs are locked here,
-- too, so that two who nominate by hand see each other.
CREATE FUNCTION {schema}.farm_ledger_nomination_fits() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off
AS $$
BEGIN
    PERFORM FROM {schema}.farm_ledger_program AS p
    WHERE (p.book, p.id) IN (SELECT n.book, n.program FROM after AS n)
    ORDER BY p.book, p.id FOR NO KEY UPDATE;
    IF EXISTS (
        SELECT FROM after AS n
        WHERE n.withdrawn_by IS NOT NULL OR n.number > 1 AND NOT EXISTS (
            SELECT FROM {schema}.farm_ledger_nomination AS b
            WHERE b.book = n.book AND b.program = n.program AND b.subject = n.subject
              AND b.number = n.number - 1 AND b.until_us <= n.from_us)) THEN
        RAISE EXCEPTION 'a nomination begins unwithdrawn, after the one before it'
            USING ERRCODE = '23514';
    END IF;
    IF EXISTS (
        SELECT FROM after AS n
        WHERE NOT EXISTS (
            SELECT FROM {schema}.farm_ledger_program AS p
            WHERE p.book = n.book AND p.id = n.program AND n.from_us < p.until_us
              AND p.from_us < p.until_us
              AND (n.until_us <= p.until_us OR n.until_us = 9223372036854775807))) THEN
        RAISE EXCEPTION 'a nomination is within its program' USING ERRCODE = '23514';
    END IF;
    IF EXISTS (
        SELECT FROM (SELECT n.book, n.program, MIN(n.from_us) AS from_us
                     FROM after AS n GROUP BY n.book, n.program) AS made
        JOIN {schema}.farm_ledger_program AS p ON p.book = made.book AND p.id = made.program
        WHERE p.nominations_max > 0 AND p.nominations_max < (
            SELECT COUNT(*) FROM {schema}.farm_ledger_nomination AS n
            WHERE n.book = p.book AND n.program = p.id AND n.until_us > made.from_us)) THEN
        RAISE EXCEPTION 'as many are nominated as the program allows' USING ERRCODE = '23514';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER farm_ledger_nomination_fits AFTER INSERT ON {schema}.farm_ledger_nomination
    REFERENCING NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.farm_ledger_nomination_fits();

ALTER TABLE {schema}.farm_ledger_program ENABLE ROW LEVEL SECURITY;
ALTER TABLE {schema}.farm_ledger_program FORCE ROW LEVEL SECURITY;
CREATE POLICY farm_ledger_program_service ON {schema}.farm_ledger_program
    USING (current_setting('farm.actor', true) = 's')
    WITH CHECK (current_setting('farm.actor', true) = 's');

ALTER TABLE {schema}.farm_ledger_nomination ENABLE ROW LEVEL SECURITY;
ALTER TABLE {schema}.farm_ledger_nomination FORCE ROW LEVEL SECURITY;
CREATE POLICY farm_ledger_nomination_service ON {schema}.farm_ledger_nomination
    USING (current_setting('farm.actor', true) = 's')
    WITH CHECK (current_setting('farm.actor', true) = 's');
