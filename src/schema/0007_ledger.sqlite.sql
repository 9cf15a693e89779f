-- works-with: 1
-- The ledger. What happened is in farm_ledger_event and farm_ledger_account, which are never
-- changed; farm_ledger_balance and farm_ledger_hold are what follows from them.

CREATE TABLE farm_ledger_book (
    book       INTEGER NOT NULL PRIMARY KEY CHECK (book >= 1),
    asset      TEXT    NOT NULL CHECK (length(CAST(asset AS BLOB)) BETWEEN 1 AND 16),
    -- Decimal places: amounts are whole numbers of the last of them.
    scale      INTEGER NOT NULL CHECK (scale BETWEEN 0 AND 18),
    -- What counts then or before is over: the book takes no more of it.
    closed_through_us INTEGER NOT NULL CHECK (closed_through_us >= 0),
    -- Every event up to here is in sequence, and those to come are later: there is one writer.
    sealed_ns  INTEGER NOT NULL DEFAULT 0 CHECK (sealed_ns >= 0),
    created_us INTEGER NOT NULL CHECK (created_us >= 0)
) STRICT;

CREATE TABLE farm_ledger_account (
    book          INTEGER NOT NULL REFERENCES farm_ledger_book (book),
    id            BLOB    NOT NULL CHECK (length(id) = 16 AND id <> zeroblob(16)),
    -- Its number in the book, by which the tables below name it: they are half as large by that.
    number        INTEGER NOT NULL CHECK (number >= 1),
    code          INTEGER NOT NULL CHECK (code BETWEEN 1 AND 65535),
    -- 1 linked, 2 debits must not exceed credits, 4 credits must not exceed debits, 8 history,
    -- 16 imported, 32 closed when it was opened.
    flags         INTEGER NOT NULL CHECK (flags BETWEEN 0 AND 63 AND (flags & 6) <> 6),
    credit_limit  INTEGER NOT NULL CHECK (credit_limit >= 0),
    -- NULL: zeros.
    user_data_128 BLOB    CHECK (length(user_data_128) = 16),
    user_data_64  INTEGER NOT NULL,
    user_data_32  INTEGER NOT NULL,
    timestamp_ns  INTEGER NOT NULL CHECK (timestamp_ns > 0),
    PRIMARY KEY (book, number),
    UNIQUE (book, timestamp_ns)
) STRICT, WITHOUT ROWID;

-- global: an id is one account's wherever it is, so that a transfer between two books is told so
CREATE UNIQUE INDEX farm_ledger_account_id ON farm_ledger_account (id);

CREATE TABLE farm_ledger_event (
    book          INTEGER NOT NULL,
    timestamp_ns  INTEGER NOT NULL CHECK (timestamp_ns > 0),
    -- 0 single, 1 pending (a hold); 2 posted, 3 voided, 4 expired: these end a hold; 5 reversal.
    kind          INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 5),
    -- The caller's. A hold that expires has none.
    id            BLOB    CHECK (length(id) = 16 AND id <> zeroblob(16)),
    debit_account  INTEGER NOT NULL,
    credit_account INTEGER NOT NULL CHECK (credit_account <> debit_account),
    amount        INTEGER NOT NULL CHECK (amount >= 0),
    -- The hold that this one ends; farm_ledger_event_resolves sees to it that there is one.
    pending_id    BLOB,
    -- The transfer that this one reverses; farm_ledger_event_reverses sees to it.
    reversed_id   BLOB,
    timeout_us    INTEGER NOT NULL CHECK (timeout_us >= 0 AND (timeout_us = 0 OR kind = 1)),
    code          INTEGER NOT NULL CHECK (code BETWEEN 1 AND 65535),
    flags         INTEGER NOT NULL CHECK (flags BETWEEN 0 AND 511),
    -- NULL: zeros.
    user_data_128 BLOB    CHECK (length(user_data_128) = 16),
    user_data_64  INTEGER NOT NULL,
    user_data_32  INTEGER NOT NULL,
    -- When it counts in the application's eyes.
    effective_us  INTEGER NOT NULL CHECK (effective_us >= 0),
    -- The event before this one of each account; 0: it is the first.
    debit_previous_ns  INTEGER NOT NULL,
    credit_previous_ns INTEGER NOT NULL,
    -- Of each account right after it: how many events it has, and its four balances.
    debit_version          INTEGER NOT NULL CHECK (debit_version >= 1),
    debit_debits_pending   INTEGER NOT NULL CHECK (debit_debits_pending >= 0),
    debit_debits_posted    INTEGER NOT NULL CHECK (debit_debits_posted >= 0),
    debit_credits_pending  INTEGER NOT NULL CHECK (debit_credits_pending >= 0),
    debit_credits_posted   INTEGER NOT NULL CHECK (debit_credits_posted >= 0),
    credit_version         INTEGER NOT NULL CHECK (credit_version >= 1),
    credit_debits_pending  INTEGER NOT NULL CHECK (credit_debits_pending >= 0),
    credit_debits_posted   INTEGER NOT NULL CHECK (credit_debits_posted >= 0),
    credit_credits_pending INTEGER NOT NULL CHECK (credit_credits_pending >= 0),
    credit_credits_posted  INTEGER NOT NULL CHECK (credit_credits_posted >= 0),
    PRIMARY KEY (book, timestamp_ns),
    CHECK ((id IS NULL) = (kind = 4)),
    CHECK ((pending_id IS NOT NULL) = (kind IN (2, 3, 4))),
    CHECK ((reversed_id IS NOT NULL) = (kind = 5)),
    CHECK (debit_previous_ns BETWEEN 0 AND timestamp_ns - 1
           AND (debit_previous_ns = 0) = (debit_version = 1)),
    CHECK (credit_previous_ns BETWEEN 0 AND timestamp_ns - 1
           AND (credit_previous_ns = 0) = (credit_version = 1)),
    -- Both accounts are of the transfer's book.
    FOREIGN KEY (book, debit_account) REFERENCES farm_ledger_account (book, number),
    FOREIGN KEY (book, credit_account) REFERENCES farm_ledger_account (book, number)
) STRICT, WITHOUT ROWID;

-- global: an id is one transfer's wherever it is, so that a repeat in another book is told so
CREATE UNIQUE INDEX farm_ledger_event_id ON farm_ledger_event (id);
-- A hold ends once.
CREATE UNIQUE INDEX farm_ledger_event_pending ON farm_ledger_event (book, pending_id)
    WHERE pending_id IS NOT NULL;
CREATE INDEX farm_ledger_event_reversed ON farm_ledger_event (book, reversed_id, amount)
    WHERE reversed_id IS NOT NULL;
-- Milestones of an account's history: from each one goes back event by event. An index of them all
-- would cost a batch more than the rest does, as each account has a place of its own in it.
CREATE INDEX farm_ledger_event_debit
    ON farm_ledger_event (book, debit_account, timestamp_ns) WHERE debit_version % 64 = 0;
CREATE INDEX farm_ledger_event_credit
    ON farm_ledger_event (book, credit_account, timestamp_ns) WHERE credit_version % 64 = 0;

CREATE TABLE farm_ledger_balance (
    book            INTEGER NOT NULL,
    account         INTEGER NOT NULL,
    -- Those of the account that the limits below go by.
    flags           INTEGER NOT NULL,
    credit_limit    INTEGER NOT NULL CHECK (credit_limit >= 0),
    is_closed       INTEGER NOT NULL CHECK (is_closed IN (0, 1)),
    version         INTEGER NOT NULL CHECK (version >= 0),
    last_ns         INTEGER NOT NULL CHECK (last_ns > 0),
    debits_pending  INTEGER NOT NULL CHECK (debits_pending >= 0),
    debits_posted   INTEGER NOT NULL CHECK (debits_posted >= 0),
    credits_pending INTEGER NOT NULL CHECK (credits_pending >= 0),
    credits_posted  INTEGER NOT NULL CHECK (credits_posted >= 0),
    PRIMARY KEY (book, account),
    FOREIGN KEY (book, account) REFERENCES farm_ledger_account (book, number),
    CHECK (debits_pending <= 9223372036854775807 - debits_posted),
    CHECK (credits_pending <= 9223372036854775807 - credits_posted),
    CHECK ((flags & 2) = 0
           OR debits_pending + debits_posted - credits_posted <= credit_limit),
    CHECK ((flags & 4) = 0 OR credits_pending + credits_posted <= debits_posted)
) STRICT, WITHOUT ROWID;

-- The credit limits that accounts were given after they were opened, the latest of which holds.
CREATE TABLE farm_ledger_limit (
    book         INTEGER NOT NULL,
    account      INTEGER NOT NULL,
    timestamp_ns INTEGER NOT NULL CHECK (timestamp_ns > 0),
    credit_limit INTEGER NOT NULL CHECK (credit_limit >= 0),
    PRIMARY KEY (book, account, timestamp_ns),
    FOREIGN KEY (book, account) REFERENCES farm_ledger_account (book, number)
) STRICT, WITHOUT ROWID;

-- The holds that have not ended.
CREATE TABLE farm_ledger_hold (
    book           INTEGER NOT NULL,
    id             BLOB    NOT NULL,
    debit_account  INTEGER NOT NULL,
    credit_account INTEGER NOT NULL,
    amount         INTEGER NOT NULL CHECK (amount >= 0),
    -- When it runs out; 9223372036854775807: it does not.
    end_ns         INTEGER NOT NULL CHECK (end_ns > 0),
    PRIMARY KEY (book, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX farm_ledger_hold_debit ON farm_ledger_hold (book, debit_account, end_ns);
CREATE INDEX farm_ledger_hold_credit ON farm_ledger_hold (book, credit_account, end_ns);
-- global: those that have run out are ended, whatever book they are of
CREATE INDEX farm_ledger_hold_end ON farm_ledger_hold (end_ns);

-- global: an id that was refused is nobody's
-- Ids of transfers that were refused for what may have passed since; a repeat must not succeed.
CREATE TABLE farm_ledger_burnt (
    id           BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16 AND id <> zeroblob(16)),
    status       INTEGER NOT NULL,
    created_us   INTEGER NOT NULL CHECK (created_us >= 0)
) STRICT, WITHOUT ROWID;

-- The order in which a book's events were sealed. Along each account it is that of its history.
CREATE TABLE farm_ledger_sequence (
    book         INTEGER NOT NULL,
    sequence     INTEGER NOT NULL CHECK (sequence >= 1),
    timestamp_ns INTEGER NOT NULL,
    PRIMARY KEY (book, sequence),
    UNIQUE (book, timestamp_ns),
    FOREIGN KEY (book, timestamp_ns) REFERENCES farm_ledger_event (book, timestamp_ns)
) STRICT, WITHOUT ROWID;

-- A chain: each hash is of the one before it and of so many events from a place in the sequence on.
CREATE TABLE farm_ledger_seal (
    book           INTEGER NOT NULL REFERENCES farm_ledger_book (book),
    number         INTEGER NOT NULL CHECK (number >= 1),
    first_sequence INTEGER NOT NULL CHECK (first_sequence >= number),
    event_count    INTEGER NOT NULL CHECK (event_count >= 1),
    previous_hash  BLOB    NOT NULL CHECK (length(previous_hash) = 32),
    hash           BLOB    NOT NULL CHECK (length(hash) = 32),
    sealed_us      INTEGER NOT NULL CHECK (sealed_us >= 0),
    PRIMARY KEY (book, number)
) STRICT, WITHOUT ROWID;

-- What was moved on an account's side, by when it counts and by code: of what is in sequence. A
-- quarter of an hour, as the days of every time zone begin with one.
CREATE TABLE farm_ledger_total (
    book        INTEGER NOT NULL,
    account     INTEGER NOT NULL,
    quarter_us  INTEGER NOT NULL CHECK (quarter_us >= 0 AND quarter_us % 900000000 = 0),
    code        INTEGER NOT NULL,
    debits      INTEGER NOT NULL CHECK (debits >= 0),
    credits     INTEGER NOT NULL CHECK (credits >= 0),
    event_count INTEGER NOT NULL CHECK (event_count >= 1),
    PRIMARY KEY (book, account, quarter_us, code),
    FOREIGN KEY (book, account) REFERENCES farm_ledger_account (book, number)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER farm_ledger_book_kept_update BEFORE UPDATE ON farm_ledger_book
WHEN NEW.book <> OLD.book OR NEW.asset <> OLD.asset OR NEW.scale <> OLD.scale
  OR NEW.closed_through_us < OLD.closed_through_us OR NEW.sealed_ns < OLD.sealed_ns BEGIN
    SELECT RAISE(ABORT, 'a book is never changed, and what is closed or sealed stays so');
END;
CREATE TRIGGER farm_ledger_book_kept_delete BEFORE DELETE ON farm_ledger_book BEGIN
    SELECT RAISE(ABORT, 'a book is never deleted');
END;
CREATE TRIGGER farm_ledger_event_kept_update BEFORE UPDATE ON farm_ledger_event BEGIN
    SELECT RAISE(ABORT, 'an event is never changed');
END;
CREATE TRIGGER farm_ledger_event_kept_delete BEFORE DELETE ON farm_ledger_event BEGIN
    SELECT RAISE(ABORT, 'an event is never deleted');
END;
CREATE TRIGGER farm_ledger_account_kept_update BEFORE UPDATE ON farm_ledger_account BEGIN
    SELECT RAISE(ABORT, 'an account is never changed');
END;
CREATE TRIGGER farm_ledger_account_kept_delete BEFORE DELETE ON farm_ledger_account BEGIN
    SELECT RAISE(ABORT, 'an account is never deleted');
END;
CREATE TRIGGER farm_ledger_limit_kept_update BEFORE UPDATE ON farm_ledger_limit BEGIN
    SELECT RAISE(ABORT, 'a credit limit that was given is never changed');
END;
CREATE TRIGGER farm_ledger_limit_kept_delete BEFORE DELETE ON farm_ledger_limit BEGIN
    SELECT RAISE(ABORT, 'a credit limit that was given is never deleted');
END;
CREATE TRIGGER farm_ledger_burnt_kept_update BEFORE UPDATE ON farm_ledger_burnt BEGIN
    SELECT RAISE(ABORT, 'a burnt id is never changed');
END;
CREATE TRIGGER farm_ledger_burnt_kept_delete BEFORE DELETE ON farm_ledger_burnt BEGIN
    SELECT RAISE(ABORT, 'a burnt id is never deleted');
END;

CREATE TRIGGER farm_ledger_sequence_kept_update BEFORE UPDATE ON farm_ledger_sequence BEGIN
    SELECT RAISE(ABORT, 'what is in sequence stays there');
END;
CREATE TRIGGER farm_ledger_sequence_kept_delete BEFORE DELETE ON farm_ledger_sequence BEGIN
    SELECT RAISE(ABORT, 'what is in sequence stays there');
END;
CREATE TRIGGER farm_ledger_seal_kept_update BEFORE UPDATE ON farm_ledger_seal BEGIN
    SELECT RAISE(ABORT, 'a seal is never changed');
END;
CREATE TRIGGER farm_ledger_seal_kept_delete BEFORE DELETE ON farm_ledger_seal BEGIN
    SELECT RAISE(ABORT, 'a seal is never deleted');
END;

CREATE TRIGGER farm_ledger_book_sealed BEFORE UPDATE ON farm_ledger_book
WHEN NEW.sealed_ns <> OLD.sealed_ns BEGIN
    SELECT RAISE(ABORT, 'what is sealed is in sequence')
    WHERE NEW.sealed_ns IS NOT (
        SELECT s.timestamp_ns FROM farm_ledger_sequence AS s
        WHERE s.book = NEW.book ORDER BY s.sequence DESC LIMIT 1);
END;
CREATE TRIGGER farm_ledger_seal_follows BEFORE INSERT ON farm_ledger_seal BEGIN
    SELECT RAISE(ABORT, 'a seal begins where the one before it ended')
    WHERE CASE WHEN NEW.number = 1
          THEN NEW.first_sequence <> 1 OR NEW.previous_hash <> zeroblob(32)
          ELSE NOT EXISTS (
        SELECT 1 FROM farm_ledger_seal AS s
        WHERE s.book = NEW.book AND s.number = NEW.number - 1 AND s.hash = NEW.previous_hash
          AND s.first_sequence + s.event_count = NEW.first_sequence) END;
END;

CREATE TRIGGER farm_ledger_event_resolves BEFORE INSERT ON farm_ledger_event
WHEN NEW.pending_id IS NOT NULL BEGIN
    SELECT RAISE(ABORT, 'it does not fit the hold that it ends')
    WHERE NOT EXISTS (
        SELECT 1 FROM farm_ledger_event AS hold
        WHERE hold.id = NEW.pending_id AND hold.book = NEW.book AND hold.kind = 1
          AND hold.debit_account = NEW.debit_account AND hold.credit_account = NEW.credit_account
          AND NEW.amount <= hold.amount AND (NEW.kind = 2 OR NEW.amount = hold.amount));
END;

CREATE TRIGGER farm_ledger_event_reverses BEFORE INSERT ON farm_ledger_event
WHEN NEW.reversed_id IS NOT NULL BEGIN
    SELECT RAISE(ABORT, 'it does not fit the transfer that it reverses')
    WHERE NOT EXISTS (
        SELECT 1 FROM farm_ledger_event AS former
        WHERE former.id = NEW.reversed_id AND former.book = NEW.book AND former.kind IN (0, 2)
          AND former.debit_account = NEW.credit_account
          AND former.credit_account = NEW.debit_account
          AND NEW.amount <= former.amount - COALESCE((
              SELECT SUM(back.amount) FROM farm_ledger_event AS back
              WHERE back.book = NEW.book AND back.reversed_id = NEW.reversed_id), 0));
END;

-- A balance is what its account's last event says, and nobody can write another one by hand. It
-- goes back, or is written at the same event, only where it was not what that event says.
CREATE TRIGGER farm_ledger_balance_follows BEFORE UPDATE ON farm_ledger_balance BEGIN
    SELECT RAISE(ABORT, 'a balance is what the last event says')
    WHERE NEW.book <> OLD.book OR NEW.account <> OLD.account OR NEW.flags <> OLD.flags
       OR NEW.credit_limit <> OLD.credit_limit AND NEW.credit_limit IS NOT COALESCE((
        SELECT l.credit_limit FROM farm_ledger_limit AS l
        WHERE l.book = NEW.book AND l.account = NEW.account
        ORDER BY l.timestamp_ns DESC LIMIT 1), (
        SELECT a.credit_limit FROM farm_ledger_account AS a
        WHERE a.book = NEW.book AND a.number = NEW.account))
       OR NEW.version > 0 AND NOT EXISTS (SELECT 1 FROM farm_ledger_event AS e
        WHERE e.book = NEW.book AND e.timestamp_ns = NEW.last_ns
          AND ((e.debit_account = NEW.account AND e.debit_version = NEW.version
                AND e.debit_debits_pending = NEW.debits_pending
                AND e.debit_debits_posted = NEW.debits_posted
                AND e.debit_credits_pending = NEW.credits_pending
                AND e.debit_credits_posted = NEW.credits_posted)
            OR (e.credit_account = NEW.account AND e.credit_version = NEW.version
                AND e.credit_debits_pending = NEW.debits_pending
                AND e.credit_debits_posted = NEW.debits_posted
                AND e.credit_credits_pending = NEW.credits_pending
                AND e.credit_credits_posted = NEW.credits_posted)))
       OR NEW.version = 0 AND NEW.debits_pending + NEW.debits_posted + NEW.credits_pending
                              + NEW.credits_posted <> 0;
    SELECT RAISE(ABORT, 'a balance does not go back')
    WHERE NEW.version <= OLD.version
      AND (NEW.version < OLD.version OR NEW.last_ns <> OLD.last_ns)
      AND (OLD.version = 0 OR EXISTS (SELECT 1 FROM farm_ledger_event AS e
        WHERE e.book = OLD.book AND e.timestamp_ns = OLD.last_ns
          AND ((e.debit_account = OLD.account AND e.debit_version = OLD.version
                AND e.debit_debits_pending = OLD.debits_pending
                AND e.debit_debits_posted = OLD.debits_posted
                AND e.debit_credits_pending = OLD.credits_pending
                AND e.debit_credits_posted = OLD.credits_posted)
            OR (e.credit_account = OLD.account AND e.credit_version = OLD.version
                AND e.credit_debits_pending = OLD.debits_pending
                AND e.credit_debits_posted = OLD.debits_posted
                AND e.credit_credits_pending = OLD.credits_pending
                AND e.credit_credits_posted = OLD.credits_posted))));
END;
CREATE TRIGGER farm_ledger_balance_begins BEFORE INSERT ON farm_ledger_balance BEGIN
    SELECT RAISE(ABORT, 'a balance begins at zero')
    WHERE NEW.version + NEW.debits_pending + NEW.debits_posted + NEW.credits_pending
          + NEW.credits_posted <> 0
       OR NOT EXISTS (
        SELECT 1 FROM farm_ledger_account AS a
        WHERE a.book = NEW.book AND a.number = NEW.account AND a.flags = NEW.flags
          AND a.timestamp_ns = NEW.last_ns AND NEW.credit_limit = COALESCE((
              SELECT l.credit_limit FROM farm_ledger_limit AS l
              WHERE l.book = a.book AND l.account = a.number
              ORDER BY l.timestamp_ns DESC LIMIT 1), a.credit_limit));
END;
CREATE TRIGGER farm_ledger_balance_kept BEFORE DELETE ON farm_ledger_balance BEGIN
    SELECT RAISE(ABORT, 'a balance is never deleted');
END;
