-- works-with: 1
-- Incentive programs, and who or what is nominated for them, by whom and until when.

CREATE TABLE farm_ledger_program (
    book            INTEGER NOT NULL REFERENCES farm_ledger_book (book),
    id              BLOB    NOT NULL CHECK (length(id) = 16 AND id <> zeroblob(16)),
    name            TEXT    NOT NULL CHECK (length(CAST(name AS BLOB)) BETWEEN 1 AND 255),
    from_us         INTEGER NOT NULL CHECK (from_us >= 0),
    -- 9223372036854775807: never. As it is now, and as it was opened.
    until_us        INTEGER NOT NULL CHECK (until_us >= from_us),
    opened_until_us INTEGER NOT NULL CHECK (opened_until_us > from_us),
    -- 0: however many.
    nominations_max INTEGER NOT NULL CHECK (nominations_max >= 0),
    -- NULL: zeros.
    user_data_128   BLOB    CHECK (length(user_data_128) = 16),
    created_us      INTEGER NOT NULL CHECK (created_us >= 0),
    PRIMARY KEY (book, id),
    CHECK (until_us <= opened_until_us)
) STRICT, WITHOUT ROWID;

-- global: an id is one program's wherever it is, so that a repeat in another book is told so
CREATE UNIQUE INDEX farm_ledger_program_id ON farm_ledger_program (id);

CREATE TABLE farm_ledger_nomination (
    book           INTEGER NOT NULL,
    subject        TEXT    NOT NULL CHECK (length(CAST(subject AS BLOB)) BETWEEN 1 AND 255),
    program        BLOB    NOT NULL,
    -- Of the subject's in the program.
    number         INTEGER NOT NULL CHECK (number >= 1),
    -- Its number in the book; NULL: none.
    account        INTEGER,
    nominated_by   TEXT    NOT NULL CHECK (length(CAST(nominated_by AS BLOB)) BETWEEN 1 AND 255),
    from_us        INTEGER NOT NULL CHECK (from_us >= 0),
    -- 9223372036854775807: as long as the program. As it is now, and as it was made.
    until_us       INTEGER NOT NULL CHECK (until_us >= from_us),
    given_until_us INTEGER NOT NULL CHECK (given_until_us > from_us),
    -- NULL: nobody.
    withdrawn_by   TEXT    CHECK (length(CAST(withdrawn_by AS BLOB)) BETWEEN 1 AND 255),
    -- NULL: zeros.
    user_data_128  BLOB    CHECK (length(user_data_128) = 16),
    PRIMARY KEY (book, subject, program, number),
    CHECK ((withdrawn_by IS NULL) = (until_us = given_until_us)),
    CHECK (until_us <= given_until_us),
    FOREIGN KEY (book, program) REFERENCES farm_ledger_program (book, id),
    FOREIGN KEY (book, account) REFERENCES farm_ledger_account (book, number)
) STRICT, WITHOUT ROWID;

CREATE INDEX farm_ledger_nomination_until ON farm_ledger_nomination (book, program, until_us);
CREATE INDEX farm_ledger_nomination_subject
    ON farm_ledger_nomination (book, program, subject, number);
CREATE INDEX farm_ledger_nomination_account ON farm_ledger_nomination (book, program, account)
    WHERE account IS NOT NULL;

CREATE TRIGGER farm_ledger_program_begins BEFORE INSERT ON farm_ledger_program
WHEN NEW.until_us <> NEW.opened_until_us BEGIN
    SELECT RAISE(ABORT, 'a program begins with the end that it was opened with');
END;
CREATE TRIGGER farm_ledger_program_kept_update BEFORE UPDATE ON farm_ledger_program
WHEN NEW.until_us >= OLD.until_us
  OR (NEW.book, NEW.id, NEW.name, NEW.from_us, NEW.opened_until_us, NEW.nominations_max,
      NEW.created_us)
     <> (OLD.book, OLD.id, OLD.name, OLD.from_us, OLD.opened_until_us, OLD.nominations_max,
         OLD.created_us)
  OR NEW.user_data_128 IS NOT OLD.user_data_128 BEGIN
    SELECT RAISE(ABORT, 'a program is never changed, but that its end is brought forward');
END;
CREATE TRIGGER farm_ledger_program_kept_delete BEFORE DELETE ON farm_ledger_program BEGIN
    SELECT RAISE(ABORT, 'a program is never deleted');
END;
CREATE TRIGGER farm_ledger_nomination_kept_update BEFORE UPDATE ON farm_ledger_nomination
WHEN OLD.withdrawn_by IS NOT NULL OR NEW.until_us >= OLD.until_us
  OR (NEW.book, NEW.subject, NEW.program, NEW.number, NEW.nominated_by, NEW.from_us,
      NEW.given_until_us)
     <> (OLD.book, OLD.subject, OLD.program, OLD.number, OLD.nominated_by, OLD.from_us,
         OLD.given_until_us)
  OR NEW.account IS NOT OLD.account OR NEW.user_data_128 IS NOT OLD.user_data_128 BEGIN
    SELECT RAISE(ABORT, 'a nomination is never changed, but that it is withdrawn once');
END;
CREATE TRIGGER farm_ledger_nomination_kept_delete BEFORE DELETE ON farm_ledger_nomination BEGIN
    SELECT RAISE(ABORT, 'a nomination is never deleted');
END;

-- How many run is reckoned as of when this one begins.
CREATE TRIGGER farm_ledger_nomination_fits BEFORE INSERT ON farm_ledger_nomination BEGIN
    SELECT RAISE(ABORT, 'a nomination begins unwithdrawn, after the one before it')
    WHERE NEW.withdrawn_by IS NOT NULL OR NEW.number <> 1 + COALESCE((
        SELECT MAX(n.number) FROM farm_ledger_nomination AS n
        WHERE n.book = NEW.book AND n.program = NEW.program AND n.subject = NEW.subject
          AND n.until_us <= NEW.from_us), 0);
    SELECT RAISE(ABORT, 'a nomination is within its program')
    WHERE NOT EXISTS (
        SELECT 1 FROM farm_ledger_program AS p
        WHERE p.book = NEW.book AND p.id = NEW.program AND NEW.from_us < p.until_us
          AND p.from_us < p.until_us
          AND (NEW.until_us <= p.until_us OR NEW.until_us = 9223372036854775807));
    SELECT RAISE(ABORT, 'as many are nominated as the program allows')
    FROM farm_ledger_program AS p
    WHERE p.book = NEW.book AND p.id = NEW.program AND p.nominations_max > 0
      AND p.nominations_max <= (
        SELECT COUNT(*) FROM farm_ledger_nomination AS n
        WHERE n.book = NEW.book AND n.program = NEW.program AND n.until_us > NEW.from_us);
END;
