-- works-with: 1
-- The ledger. What happened is in farm_ledger_event and farm_ledger_account, which are never
-- changed; farm_ledger_balance and farm_ledger_hold are what follows from them.

CREATE TABLE {schema}.farm_ledger_book (
    book bigint NOT NULL PRIMARY KEY CHECK (book >= 1),
    asset text COLLATE "C" NOT NULL CHECK (octet_length(asset) BETWEEN 1 AND 16),
    -- Decimal places: amounts are whole numbers of the last of them.
    scale bigint NOT NULL CHECK (scale BETWEEN 0 AND 18),
    -- What counts then or before is over: the book takes no more of it.
    closed_through_us bigint NOT NULL CHECK (closed_through_us >= 0),
    created_us bigint NOT NULL CHECK (created_us >= 0)
);

CREATE TABLE {schema}.farm_ledger_account (
    book bigint NOT NULL REFERENCES {schema}.farm_ledger_book (book),
    id bytea NOT NULL CHECK (octet_length(id) = 16 AND id <> '\x00000000000000000000000000000000'),
    -- Its number in the book, by which the tables below name it: they are half as large by that.
    number bigint NOT NULL CHECK (number >= 1),
    code bigint NOT NULL CHECK (code BETWEEN 1 AND 65535),
    -- 1 linked, 2 debits must not exceed credits, 4 credits must not exceed debits, 8 history,
    -- 16 imported, 32 closed when it was opened.
    flags bigint NOT NULL CHECK (flags BETWEEN 0 AND 63 AND (flags & 6) <> 6),
    credit_limit bigint NOT NULL CHECK (credit_limit >= 0),
    -- NULL: zeros.
    user_data_128 bytea CHECK (octet_length(user_data_128) = 16),
    user_data_64 bigint NOT NULL,
    user_data_32 bigint NOT NULL,
    timestamp_ns bigint NOT NULL CHECK (timestamp_ns > 0),
    PRIMARY KEY (book, number),
    UNIQUE (book, timestamp_ns)
);

-- global: an id is one account's wherever it is, so that a transfer between two books is told so
CREATE UNIQUE INDEX farm_ledger_account_id ON {schema}.farm_ledger_account (id);

CREATE TABLE {schema}.farm_ledger_event (
    book bigint NOT NULL,
    timestamp_ns bigint NOT NULL CHECK (timestamp_ns > 0),
    -- 0 single, 1 pending (a hold); 2 posted, 3 voided, 4 expired: these end a hold; 5 reversal.
    kind bigint NOT NULL CHECK (kind BETWEEN 0 AND 5),
    -- The caller's. A hold that expires has none.
    id bytea CHECK (octet_length(id) = 16 AND id <> '\x00000000000000000000000000000000'),
    debit_account bigint NOT NULL,
    credit_account bigint NOT NULL CHECK (credit_account <> debit_account),
    amount bigint NOT NULL CHECK (amount >= 0),
    -- The hold that this one ends; farm_ledger_event_resolves sees to it that there is one.
    pending_id bytea,
    -- The transfer that this one reverses; farm_ledger_event_reverses sees to it.
    reversed_id bytea,
    timeout_us bigint NOT NULL CHECK (timeout_us >= 0 AND (timeout_us = 0 OR kind = 1)),
    code bigint NOT NULL CHECK (code BETWEEN 1 AND 65535),
    flags bigint NOT NULL CHECK (flags BETWEEN 0 AND 511),
    -- NULL: zeros.
    user_data_128 bytea CHECK (octet_length(user_data_128) = 16),
    user_data_64 bigint NOT NULL,
    user_data_32 bigint NOT NULL,
    -- When it counts in the application's eyes.
    effective_us bigint NOT NULL CHECK (effective_us >= 0),
    -- The event before this one of each account; 0: it is the first.
    debit_previous_ns bigint NOT NULL,
    credit_previous_ns bigint NOT NULL,
    -- Of each account right after it: how many events it has, and its four balances.
    debit_version bigint NOT NULL CHECK (debit_version >= 1),
    debit_debits_pending bigint NOT NULL CHECK (debit_debits_pending >= 0),
    debit_debits_posted bigint NOT NULL CHECK (debit_debits_posted >= 0),
    debit_credits_pending bigint NOT NULL CHECK (debit_credits_pending >= 0),
    debit_credits_posted bigint NOT NULL CHECK (debit_credits_posted >= 0),
    credit_version bigint NOT NULL CHECK (credit_version >= 1),
    credit_debits_pending bigint NOT NULL CHECK (credit_debits_pending >= 0),
    credit_debits_posted bigint NOT NULL CHECK (credit_debits_posted >= 0),
    credit_credits_pending bigint NOT NULL CHECK (credit_credits_pending >= 0),
    credit_credits_posted bigint NOT NULL CHECK (credit_credits_posted >= 0),
    PRIMARY KEY (book, timestamp_ns),
    CHECK ((id IS NULL) = (kind = 4)),
    CHECK ((pending_id IS NOT NULL) = (kind IN (2, 3, 4))),
    CHECK ((reversed_id IS NOT NULL) = (kind = 5)),
    CHECK (debit_previous_ns BETWEEN 0 AND timestamp_ns - 1
           AND (debit_previous_ns = 0) = (debit_version = 1)),
    CHECK (credit_previous_ns BETWEEN 0 AND timestamp_ns - 1
           AND (credit_previous_ns = 0) = (credit_version = 1)),
    -- Both accounts are of the transfer's book.
    FOREIGN KEY (book, debit_account) REFERENCES {schema}.farm_ledger_account (book, number),
    FOREIGN KEY (book, credit_account) REFERENCES {schema}.farm_ledger_account (book, number)
);

-- global: an id is one transfer's wherever it is, so that a repeat in another book is told so
CREATE UNIQUE INDEX farm_ledger_event_id ON {schema}.farm_ledger_event (id);
-- A hold ends once.
CREATE UNIQUE INDEX farm_ledger_event_pending ON {schema}.farm_ledger_event (book, pending_id)
    WHERE pending_id IS NOT NULL;
CREATE INDEX farm_ledger_event_reversed ON {schema}.farm_ledger_event (book, reversed_id, amount)
    WHERE reversed_id IS NOT NULL;
-- Milestones of an account's history: from each one goes back event by event. An index of them all
-- would cost a batch more than the rest does, as each account has a place of its own in it.
CREATE INDEX farm_ledger_event_debit
    ON {schema}.farm_ledger_event (book, debit_account, timestamp_ns)
    WHERE debit_version % 64 = 0;
CREATE INDEX farm_ledger_event_credit
    ON {schema}.farm_ledger_event (book, credit_account, timestamp_ns)
    WHERE credit_version % 64 = 0;

CREATE TABLE {schema}.farm_ledger_balance (
    book bigint NOT NULL,
    account bigint NOT NULL,
    -- Those of the account that the limits below go by.
    flags bigint NOT NULL,
    credit_limit bigint NOT NULL CHECK (credit_limit >= 0),
    is_closed bigint NOT NULL CHECK (is_closed IN (0, 1)),
    version bigint NOT NULL CHECK (version >= 0),
    last_ns bigint NOT NULL CHECK (last_ns > 0),
    debits_pending bigint NOT NULL CHECK (debits_pending >= 0),
    debits_posted bigint NOT NULL CHECK (debits_posted >= 0),
    credits_pending bigint NOT NULL CHECK (credits_pending >= 0),
    credits_posted bigint NOT NULL CHECK (credits_posted >= 0),
    PRIMARY KEY (book, account),
    FOREIGN KEY (book, account) REFERENCES {schema}.farm_ledger_account (book, number),
    CHECK (debits_pending <= 9223372036854775807 - debits_posted),
    CHECK (credits_pending <= 9223372036854775807 - credits_posted),
    CHECK ((flags & 2) = 0
           OR debits_pending + debits_posted - credits_posted <= credit_limit),
    CHECK ((flags & 4) = 0 OR credits_pending + credits_posted <= debits_posted)
);

-- The credit limits that accounts were given after they were opened, the latest of which holds.
CREATE TABLE {schema}.farm_ledger_limit (
    book bigint NOT NULL,
    account bigint NOT NULL,
    timestamp_ns bigint NOT NULL CHECK (timestamp_ns > 0),
    credit_limit bigint NOT NULL CHECK (credit_limit >= 0),
    PRIMARY KEY (book, account, timestamp_ns),
    FOREIGN KEY (book, account) REFERENCES {schema}.farm_ledger_account (book, number)
);

-- The holds that have not ended.
CREATE TABLE {schema}.farm_ledger_hold (
    book bigint NOT NULL,
    id bytea NOT NULL,
    debit_account bigint NOT NULL,
    credit_account bigint NOT NULL,
    amount bigint NOT NULL CHECK (amount >= 0),
    -- When it runs out; 9223372036854775807: it does not.
    end_ns bigint NOT NULL CHECK (end_ns > 0),
    PRIMARY KEY (book, id)
);

CREATE INDEX farm_ledger_hold_debit ON {schema}.farm_ledger_hold (book, debit_account, end_ns);
CREATE INDEX farm_ledger_hold_credit ON {schema}.farm_ledger_hold (book, credit_account, end_ns);
-- global: those that have run out are ended, whatever book they are of
CREATE INDEX farm_ledger_hold_end ON {schema}.farm_ledger_hold (end_ns);

-- global: an id that was refused is nobody's
-- Ids of transfers that were refused for what may have passed since; a repeat must not succeed.
CREATE TABLE {schema}.farm_ledger_burnt (
    id bytea NOT NULL PRIMARY KEY
       CHECK (octet_length(id) = 16 AND id <> '\x00000000000000000000000000000000'),
    status bigint NOT NULL,
    created_us bigint NOT NULL CHECK (created_us >= 0)
);

-- The events that are in no sequence yet, of which those are seen that are committed: so nothing is
-- missed, whatever its timestamp. Each event is put here, and none goes that is in no sequence.
CREATE TABLE {schema}.farm_ledger_unsealed (
    book bigint NOT NULL,
    timestamp_ns bigint NOT NULL,
    PRIMARY KEY (book, timestamp_ns)
);

-- The order in which a book's events were sealed. Along each account it is that of its history.
CREATE TABLE {schema}.farm_ledger_sequence (
    book bigint NOT NULL,
    sequence bigint NOT NULL CHECK (sequence >= 1),
    timestamp_ns bigint NOT NULL,
    PRIMARY KEY (book, sequence),
    UNIQUE (book, timestamp_ns),
    FOREIGN KEY (book, timestamp_ns) REFERENCES {schema}.farm_ledger_event (book, timestamp_ns)
);

-- A chain: each hash is of the one before it and of so many events from a place in the sequence on.
CREATE TABLE {schema}.farm_ledger_seal (
    book bigint NOT NULL REFERENCES {schema}.farm_ledger_book (book),
    number bigint NOT NULL CHECK (number >= 1),
    first_sequence bigint NOT NULL CHECK (first_sequence >= number),
    event_count bigint NOT NULL CHECK (event_count >= 1),
    previous_hash bytea NOT NULL CHECK (octet_length(previous_hash) = 32),
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    sealed_us bigint NOT NULL CHECK (sealed_us >= 0),
    PRIMARY KEY (book, number)
);

-- What was moved on an account's side, by when it counts and by code: of what is in sequence. A
-- quarter of an hour, as the days of every time zone begin with one.
CREATE TABLE {schema}.farm_ledger_total (
    book bigint NOT NULL,
    account bigint NOT NULL,
    quarter_us bigint NOT NULL CHECK (quarter_us >= 0 AND quarter_us % 900000000 = 0),
    code bigint NOT NULL,
    debits bigint NOT NULL CHECK (debits >= 0),
    credits bigint NOT NULL CHECK (credits >= 0),
    event_count bigint NOT NULL CHECK (event_count >= 1),
    PRIMARY KEY (book, account, quarter_us, code),
    FOREIGN KEY (book, account) REFERENCES {schema}.farm_ledger_account (book, number)
);

CREATE FUNCTION {schema}.farm_ledger_keep() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION '% is never changed', TG_TABLE_NAME USING ERRCODE = '23514';
END
$$;
CREATE TRIGGER farm_ledger_book_kept BEFORE UPDATE ON {schema}.farm_ledger_book
    FOR EACH ROW WHEN ((NEW.book, NEW.asset, NEW.scale) <> (OLD.book, OLD.asset, OLD.scale)
                       OR NEW.closed_through_us < OLD.closed_through_us)
    EXECUTE FUNCTION {schema}.farm_ledger_keep();
CREATE TRIGGER farm_ledger_book_kept_too BEFORE DELETE ON {schema}.farm_ledger_book
    FOR EACH ROW EXECUTE FUNCTION {schema}.farm_ledger_keep();
CREATE TRIGGER farm_ledger_book_kept_whole BEFORE TRUNCATE ON {schema}.farm_ledger_book
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.farm_ledger_keep();
CREATE TRIGGER farm_ledger_event_kept BEFORE UPDATE OR DELETE ON {schema}.farm_ledger_event
    FOR EACH ROW EXECUTE FUNCTION {schema}.farm_ledger_keep();
CREATE TRIGGER farm_ledger_event_kept_whole BEFORE TRUNCATE ON {schema}.farm_ledger_event
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.farm_ledger_keep();
CREATE TRIGGER farm_ledger_account_kept BEFORE UPDATE OR DELETE ON {schema}.farm_ledger_account
    FOR EACH ROW EXECUTE FUNCTION {schema}.farm_ledger_keep();
CREATE TRIGGER farm_ledger_account_kept_whole BEFORE TRUNCATE ON {schema}.farm_ledger_account
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.farm_ledger_keep();
CREATE TRIGGER farm_ledger_limit_kept BEFORE UPDATE OR DELETE ON {schema}.farm_ledger_limit
    FOR EACH ROW EXECUTE FUNCTION {schema}.farm_ledger_keep();
CREATE TRIGGER farm_ledger_limit_kept_whole BEFORE TRUNCATE ON {schema}.farm_ledger_limit
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.farm_ledger_keep();
CREATE TRIGGER farm_ledger_burnt_kept BEFORE UPDATE OR DELETE ON {schema}.farm_ledger_burnt
    FOR EACH ROW EXECUTE FUNCTION {schema}.farm_ledger_keep();
CREATE TRIGGER farm_ledger_burnt_kept_whole BEFORE TRUNCATE ON {schema}.farm_ledger_burnt
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.farm_ledger_keep();
CREATE TRIGGER farm_ledger_balance_kept BEFORE DELETE ON {schema}.farm_ledger_balance
    FOR EACH ROW EXECUTE FUNCTION {schema}.farm_ledger_keep();
CREATE TRIGGER farm_ledger_balance_kept_whole BEFORE TRUNCATE ON {schema}.farm_ledger_balance
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.farm_ledger_keep();

CREATE TRIGGER farm_ledger_sequence_kept BEFORE UPDATE OR DELETE ON {schema}.farm_ledger_sequence
    FOR EACH ROW EXECUTE FUNCTION {schema}.farm_ledger_keep();
CREATE TRIGGER farm_ledger_sequence_kept_whole BEFORE TRUNCATE ON {schema}.farm_ledger_sequence
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.farm_ledger_keep();
CREATE TRIGGER farm_ledger_seal_kept BEFORE UPDATE OR DELETE ON {schema}.farm_ledger_seal
    FOR EACH ROW EXECUTE FUNCTION {schema}.farm_ledger_keep();
CREATE TRIGGER farm_ledger_seal_kept_whole BEFORE TRUNCATE ON {schema}.farm_ledger_seal
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.farm_ledger_keep();
CREATE TRIGGER farm_ledger_unsealed_kept BEFORE UPDATE ON {schema}.farm_ledger_unsealed
    FOR EACH ROW EXECUTE FUNCTION {schema}.farm_ledger_keep();
CREATE TRIGGER farm_ledger_unsealed_kept_whole BEFORE TRUNCATE ON {schema}.farm_ledger_unsealed
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.farm_ledger_keep();

CREATE FUNCTION {schema}.farm_ledger_event_begins() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO {schema}.farm_ledger_unsealed (book, timestamp_ns)
    SELECT e.book, e.timestamp_ns FROM after AS e;
    RETURN NULL;
END
$$;
CREATE TRIGGER farm_ledger_event_begins AFTER INSERT ON {schema}.farm_ledger_event
    REFERENCING NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.farm_ledger_event_begins();

CREATE FUNCTION {schema}.farm_ledger_unsealed_ends() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off
AS $$
BEGIN
    IF EXISTS (
        SELECT FROM before AS u
        WHERE NOT EXISTS (
            SELECT FROM {schema}.farm_ledger_sequence AS s
            WHERE s.book = u.book AND s.timestamp_ns = u.timestamp_ns)) THEN
        RAISE EXCEPTION 'an event is in no sequence' USING ERRCODE = '23514';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER farm_ledger_unsealed_ends AFTER DELETE ON {schema}.farm_ledger_unsealed
    REFERENCING OLD TABLE AS before
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.farm_ledger_unsealed_ends();

CREATE FUNCTION {schema}.farm_ledger_seal_follows() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off
AS $$
BEGIN
    IF (CASE WHEN NEW.number = 1
       THEN NEW.first_sequence <> 1 OR NEW.previous_hash <> decode(repeat('00', 32), 'hex')
       ELSE NOT EXISTS (
        SELECT FROM {schema}.farm_ledger_seal AS s
        WHERE s.book = NEW.book AND s.number = NEW.number - 1 AND s.hash = NEW.previous_hash
          AND s.first_sequence + s.event_count = NEW.first_sequence) END) THEN
        RAISE EXCEPTION 'a seal begins where the one before it ended' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER farm_ledger_seal_follows BEFORE INSERT ON {schema}.farm_ledger_seal
    FOR EACH ROW EXECUTE FUNCTION {schema}.farm_ledger_seal_follows();

CREATE FUNCTION {schema}.farm_ledger_event_resolves() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off
AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM {schema}.farm_ledger_event AS hold
        WHERE hold.id = NEW.pending_id AND hold.book = NEW.book AND hold.kind = 1
          AND hold.debit_account = NEW.debit_account AND hold.credit_account = NEW.credit_account
          AND NEW.amount <= hold.amount AND (NEW.kind = 2 OR NEW.amount = hold.amount)) THEN
        RAISE EXCEPTION 'it does not fit the hold that it ends' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER farm_ledger_event_resolves BEFORE INSERT ON {schema}.farm_ledger_event
    FOR EACH ROW WHEN (NEW.pending_id IS NOT NULL)
    EXECUTE FUNCTION {schema}.farm_ledger_event_resolves();

CREATE FUNCTION {schema}.farm_ledger_event_reverses() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off
AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM {schema}.farm_ledger_event AS former
        WHERE former.id = NEW.reversed_id AND former.book = NEW.book AND former.kind IN (0, 2)
          AND former.debit_account = NEW.credit_account
          AND former.credit_account = NEW.debit_account
          AND NEW.amount <= former.amount - COALESCE((
              SELECT SUM(back.amount) FROM {schema}.farm_ledger_event AS back
              WHERE back.book = NEW.book AND back.reversed_id = NEW.reversed_id), 0)) THEN
        RAISE EXCEPTION 'it does not fit the transfer that it reverses' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER farm_ledger_event_reverses BEFORE INSERT ON {schema}.farm_ledger_event
    FOR EACH ROW WHEN (NEW.reversed_id IS NOT NULL)
    EXECUTE FUNCTION {schema}.farm_ledger_event_reverses();

-- A balance is what its account's last event says, and nobody can write another one by hand. It
-- goes back, or is written at the same event, only where it was not what that event says. Once a
-- statement, as calling a function costs more than what it does.
CREATE FUNCTION {schema}.farm_ledger_balance_follows() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off
AS $$
BEGIN
    IF EXISTS (
        SELECT FROM after AS b
        WHERE CASE b.version
              WHEN 0 THEN (b.debits_pending, b.debits_posted, b.credits_pending, b.credits_posted)
                          <> (0, 0, 0, 0)
              ELSE NOT EXISTS (
            SELECT FROM {schema}.farm_ledger_event AS e
            WHERE e.book = b.book AND e.timestamp_ns = b.last_ns
              AND (b.version, b.debits_pending, b.debits_posted, b.credits_pending,
                   b.credits_posted)
                  IN ((CASE WHEN e.debit_account = b.account THEN e.debit_version END,
                       e.debit_debits_pending, e.debit_debits_posted, e.debit_credits_pending,
                       e.debit_credits_posted),
                      (CASE WHEN e.credit_account = b.account THEN e.credit_version END,
                       e.credit_debits_pending, e.credit_debits_posted, e.credit_credits_pending,
                       e.credit_credits_posted))) END) THEN
        RAISE EXCEPTION 'a balance is what the last event says' USING ERRCODE = '23514';
    END IF;
    IF EXISTS (
        SELECT FROM before AS b
        LEFT JOIN after AS a ON a.book = b.book AND a.account = b.account
        WHERE (a.flags = b.flags) IS NOT TRUE
           OR a.credit_limit <> b.credit_limit AND a.credit_limit IS DISTINCT FROM COALESCE((
            SELECT l.credit_limit FROM {schema}.farm_ledger_limit AS l
            WHERE l.book = a.book AND l.account = a.account
            ORDER BY l.timestamp_ns DESC LIMIT 1), (
            SELECT k.credit_limit FROM {schema}.farm_ledger_account AS k
            WHERE k.book = a.book AND k.number = a.account))
           OR a.version <= b.version AND (a.version < b.version OR a.last_ns <> b.last_ns)
              AND (b.version = 0 OR EXISTS (
            SELECT FROM {schema}.farm_ledger_event AS e
            WHERE e.book = b.book AND e.timestamp_ns = b.last_ns
              AND (b.version, b.debits_pending, b.debits_posted, b.credits_pending,
                   b.credits_posted)
                  IN ((CASE WHEN e.debit_account = b.account THEN e.debit_version END,
                       e.debit_debits_pending, e.debit_debits_posted, e.debit_credits_pending,
                       e.debit_credits_posted),
                      (CASE WHEN e.credit_account = b.account THEN e.credit_version END,
                       e.credit_debits_pending, e.credit_debits_posted, e.credit_credits_pending,
                       e.credit_credits_posted))))) THEN
        RAISE EXCEPTION 'a balance does not go back' USING ERRCODE = '23514';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER farm_ledger_balance_follows AFTER UPDATE ON {schema}.farm_ledger_balance
    REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.farm_ledger_balance_follows();

CREATE FUNCTION {schema}.farm_ledger_balance_begins() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off
AS $$
BEGIN
    IF (NEW.version, NEW.debits_pending, NEW.debits_posted, NEW.credits_pending,
        NEW.credits_posted) <> (0, 0, 0, 0, 0)
       OR NOT EXISTS (
        SELECT FROM {schema}.farm_ledger_account AS a
        WHERE a.book = NEW.book AND a.number = NEW.account AND a.flags = NEW.flags
          AND a.timestamp_ns = NEW.last_ns AND NEW.credit_limit = COALESCE((
              SELECT l.credit_limit FROM {schema}.farm_ledger_limit AS l
              WHERE l.book = a.book AND l.account = a.number
              ORDER BY l.timestamp_ns DESC LIMIT 1), a.credit_limit)) THEN
        RAISE EXCEPTION 'a balance begins at zero' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER farm_ledger_balance_begins BEFORE INSERT ON {schema}.farm_ledger_balance
    FOR EACH ROW EXECUTE FUNCTION {schema}.farm_ledger_balance_begins();

-- Balances change all the time: room on their pages keeps the index out of it.
ALTER TABLE {schema}.farm_ledger_balance SET (fillfactor = 50);

ALTER TABLE {schema}.farm_ledger_book ENABLE ROW LEVEL SECURITY;
ALTER TABLE {schema}.farm_ledger_book FORCE ROW LEVEL SECURITY;
CREATE POLICY farm_ledger_book_service ON {schema}.farm_ledger_book
    USING (current_setting('farm.actor', true) = 's')
    WITH CHECK (current_setting('farm.actor', true) = 's');

ALTER TABLE {schema}.farm_ledger_account ENABLE ROW LEVEL SECURITY;
ALTER TABLE {schema}.farm_ledger_account FORCE ROW LEVEL SECURITY;
CREATE POLICY farm_ledger_account_service ON {schema}.farm_ledger_account
    USING (current_setting('farm.actor', true) = 's')
    WITH CHECK (current_setting('farm.actor', true) = 's');

ALTER TABLE {schema}.farm_ledger_event ENABLE ROW LEVEL SECURITY;
ALTER TABLE {schema}.farm_ledger_event FORCE ROW LEVEL SECURITY;
CREATE POLICY farm_ledger_event_service ON {schema}.farm_ledger_event
    USING (current_setting('farm.actor', true) = 's')
    WITH CHECK (current_setting('farm.actor', true) = 's');

ALTER TABLE {schema}.farm_ledger_balance ENABLE ROW LEVEL SECURITY;
ALTER TABLE {schema}.farm_ledger_balance FORCE ROW LEVEL SECURITY;
CREATE POLICY farm_ledger_balance_service ON {schema}.farm_ledger_balance
    USING (current_setting('farm.actor', true) = 's')
    WITH CHECK (current_setting('farm.actor', true) = 's');

ALTER TABLE {schema}.farm_ledger_limit ENABLE ROW LEVEL SECURITY;
ALTER TABLE {schema}.farm_ledger_limit FORCE ROW LEVEL SECURITY;
CREATE POLICY farm_ledger_limit_service ON {schema}.farm_ledger_limit
    USING (current_setting('farm.actor', true) = 's')
    WITH CHECK (current_setting('farm.actor', true) = 's');

ALTER TABLE {schema}.farm_ledger_hold ENABLE ROW LEVEL SECURITY;
ALTER TABLE {schema}.farm_ledger_hold FORCE ROW LEVEL SECURITY;
CREATE POLICY farm_ledger_hold_service ON {schema}.farm_ledger_hold
    USING (current_setting('farm.actor', true) = 's')
    WITH CHECK (current_setting('farm.actor', true) = 's');

ALTER TABLE {schema}.farm_ledger_burnt ENABLE ROW LEVEL SECURITY;
ALTER TABLE {schema}.farm_ledger_burnt FORCE ROW LEVEL SECURITY;
CREATE POLICY farm_ledger_burnt_service ON {schema}.farm_ledger_burnt
    USING (current_setting('farm.actor', true) = 's')
    WITH CHECK (current_setting('farm.actor', true) = 's');

ALTER TABLE {schema}.farm_ledger_unsealed ENABLE ROW LEVEL SECURITY;
ALTER TABLE {schema}.farm_ledger_unsealed FORCE ROW LEVEL SECURITY;
CREATE POLICY farm_ledger_unsealed_service ON {schema}.farm_ledger_unsealed
    USING (current_setting('farm.actor', true) = 's')
    WITH CHECK (current_setting('farm.actor', true) = 's');

ALTER TABLE {schema}.farm_ledger_sequence ENABLE ROW LEVEL SECURITY;
ALTER TABLE {schema}.farm_ledger_sequence FORCE ROW LEVEL SECURITY;
CREATE POLICY farm_ledger_sequence_service ON {schema}.farm_ledger_sequence
    USING (current_setting('farm.actor', true) = 's')
    WITH CHECK (current_setting('farm.actor', true) = 's');

ALTER TABLE {schema}.farm_ledger_seal ENABLE ROW LEVEL SECURITY;
ALTER TABLE {schema}.farm_ledger_seal FORCE ROW LEVEL SECURITY;
CREATE POLICY farm_ledger_seal_service ON {schema}.farm_ledger_seal
    USING (current_setting('farm.actor', true) = 's')
    WITH CHECK (current_setting('farm.actor', true) = 's');

ALTER TABLE {schema}.farm_ledger_total ENABLE ROW LEVEL SECURITY;
ALTER TABLE {schema}.farm_ledger_total FORCE ROW LEVEL SECURITY;
CREATE POLICY farm_ledger_total_service ON {schema}.farm_ledger_total
    USING (current_setting('farm.actor', true) = 's')
    WITH CHECK (current_setting('farm.actor', true) = 's');
