"""The ledger: see include/farmcore/ledger.h and docs/ledger.md for what each call promises.

Books, accounts and transfers are tuples in the order of the library's records, so that a batch of
thousands goes over as it is.
"""
from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import IntEnum, IntFlag
from typing import Any, NamedTuple
from uuid import UUID

from . import _native as _n
from .session import Run
from .times import Moment, moment_us

AMOUNT_MAX = 2**63 - 1
"""The largest amount. A post of it posts all that is held, a balancing transfer moves all."""

PAGE = 100
PIECE = 65536


class AccountFlags(IntFlag):
    """What an account may not do, and how it is opened."""

    LINKED = 1
    DEBITS_MUST_NOT_EXCEED_CREDITS = 2
    CREDITS_MUST_NOT_EXCEED_DEBITS = 4
    HISTORY = 8
    IMPORTED = 16
    CLOSED = 32


class TransferFlags(IntFlag):
    """What kind of transfer it is."""

    LINKED = 1
    PENDING = 2
    POST_PENDING_TRANSFER = 4
    VOID_PENDING_TRANSFER = 8
    BALANCING_DEBIT = 16
    BALANCING_CREDIT = 32
    CLOSING_DEBIT = 64
    CLOSING_CREDIT = 128
    IMPORTED = 256


class QueryFlags(IntFlag):
    """Which of an account's transfers are asked for, and in what order."""

    DEBITS = 1
    CREDITS = 2
    REVERSED = 4
    HOLDS = 8


class ExportFormat(IntEnum):
    """What an export is: a table, one with cells that spreadsheets may take for formulas, or a
    journal for hledger."""

    CSV = 0
    CSV_RAW = 1
    HLEDGER = 2


class TransferConditions(IntFlag):
    """Which of a transfer's conditions are asked."""

    DEBIT_VERSION = 1
    CREDIT_VERSION = 2
    DEBIT_BALANCE = 4


class AccountStatus(IntEnum):
    """What became of an account to open."""

    CREATED = 0
    LINKED_EVENT_FAILED = 1
    LINKED_EVENT_CHAIN_OPEN = 2
    TIMESTAMP_MUST_BE_ZERO = 3
    RESERVED_FIELD = 4
    RESERVED_FLAG = 5
    ID_MUST_NOT_BE_ZERO = 6
    ID_MUST_NOT_BE_INT_MAX = 7
    FLAGS_ARE_MUTUALLY_EXCLUSIVE = 8
    DEBITS_PENDING_MUST_BE_ZERO = 9
    DEBITS_POSTED_MUST_BE_ZERO = 10
    CREDITS_PENDING_MUST_BE_ZERO = 11
    CREDITS_POSTED_MUST_BE_ZERO = 12
    LEDGER_MUST_NOT_BE_ZERO = 13
    CODE_MUST_NOT_BE_ZERO = 14
    EXISTS_WITH_DIFFERENT_FLAGS = 15
    EXISTS_WITH_DIFFERENT_USER_DATA_128 = 16
    EXISTS_WITH_DIFFERENT_USER_DATA_64 = 17
    EXISTS_WITH_DIFFERENT_USER_DATA_32 = 18
    EXISTS_WITH_DIFFERENT_LEDGER = 19
    EXISTS_WITH_DIFFERENT_CODE = 20
    EXISTS = 21
    IMPORTED_EVENT_EXPECTED = 22
    IMPORTED_EVENT_NOT_EXPECTED = 23
    IMPORTED_EVENT_TIMESTAMP_OUT_OF_RANGE = 24
    IMPORTED_EVENT_TIMESTAMP_MUST_NOT_ADVANCE = 25
    IMPORTED_EVENT_TIMESTAMP_MUST_NOT_REGRESS = 26
    LEDGER_NOT_FOUND = 1001
    CODE_OUT_OF_RANGE = 1002
    LEDGER_OUT_OF_RANGE = 1003
    CREDIT_LIMIT_OUT_OF_RANGE = 1004
    EXISTS_WITH_DIFFERENT_CREDIT_LIMIT = 1005

    @property
    def text(self) -> str:
        """What it says, as one English line."""
        return str(_n.ledger_account_status_text(self))


class TransferStatus(IntEnum):
    """What became of a transfer."""

    CREATED = 0
    LINKED_EVENT_FAILED = 1
    LINKED_EVENT_CHAIN_OPEN = 2
    TIMESTAMP_MUST_BE_ZERO = 3
    RESERVED_FLAG = 4
    ID_MUST_NOT_BE_ZERO = 5
    ID_MUST_NOT_BE_INT_MAX = 6
    FLAGS_ARE_MUTUALLY_EXCLUSIVE = 7
    DEBIT_ACCOUNT_ID_MUST_NOT_BE_ZERO = 8
    DEBIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX = 9
    CREDIT_ACCOUNT_ID_MUST_NOT_BE_ZERO = 10
    CREDIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX = 11
    ACCOUNTS_MUST_BE_DIFFERENT = 12
    PENDING_ID_MUST_BE_ZERO = 13
    PENDING_ID_MUST_NOT_BE_ZERO = 14
    PENDING_ID_MUST_NOT_BE_INT_MAX = 15
    PENDING_ID_MUST_BE_DIFFERENT = 16
    TIMEOUT_RESERVED_FOR_PENDING_TRANSFER = 17
    LEDGER_MUST_NOT_BE_ZERO = 19
    CODE_MUST_NOT_BE_ZERO = 20
    DEBIT_ACCOUNT_NOT_FOUND = 21
    CREDIT_ACCOUNT_NOT_FOUND = 22
    ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER = 23
    TRANSFER_MUST_HAVE_THE_SAME_LEDGER_AS_ACCOUNTS = 24
    PENDING_TRANSFER_NOT_FOUND = 25
    PENDING_TRANSFER_NOT_PENDING = 26
    PENDING_TRANSFER_HAS_DIFFERENT_DEBIT_ACCOUNT_ID = 27
    PENDING_TRANSFER_HAS_DIFFERENT_CREDIT_ACCOUNT_ID = 28
    PENDING_TRANSFER_HAS_DIFFERENT_LEDGER = 29
    PENDING_TRANSFER_HAS_DIFFERENT_CODE = 30
    EXCEEDS_PENDING_TRANSFER_AMOUNT = 31
    PENDING_TRANSFER_HAS_DIFFERENT_AMOUNT = 32
    PENDING_TRANSFER_ALREADY_POSTED = 33
    PENDING_TRANSFER_ALREADY_VOIDED = 34
    PENDING_TRANSFER_EXPIRED = 35
    EXISTS_WITH_DIFFERENT_FLAGS = 36
    EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID = 37
    EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT_ID = 38
    EXISTS_WITH_DIFFERENT_AMOUNT = 39
    EXISTS_WITH_DIFFERENT_PENDING_ID = 40
    EXISTS_WITH_DIFFERENT_USER_DATA_128 = 41
    EXISTS_WITH_DIFFERENT_USER_DATA_64 = 42
    EXISTS_WITH_DIFFERENT_USER_DATA_32 = 43
    EXISTS_WITH_DIFFERENT_TIMEOUT = 44
    EXISTS_WITH_DIFFERENT_CODE = 45
    EXISTS = 46
    OVERFLOWS_DEBITS_PENDING = 47
    OVERFLOWS_CREDITS_PENDING = 48
    OVERFLOWS_DEBITS_POSTED = 49
    OVERFLOWS_CREDITS_POSTED = 50
    OVERFLOWS_DEBITS = 51
    OVERFLOWS_CREDITS = 52
    OVERFLOWS_TIMEOUT = 53
    EXCEEDS_CREDITS = 54
    EXCEEDS_DEBITS = 55
    IMPORTED_EVENT_EXPECTED = 56
    IMPORTED_EVENT_NOT_EXPECTED = 57
    IMPORTED_EVENT_TIMESTAMP_OUT_OF_RANGE = 58
    IMPORTED_EVENT_TIMESTAMP_MUST_NOT_ADVANCE = 59
    IMPORTED_EVENT_TIMESTAMP_MUST_NOT_REGRESS = 60
    IMPORTED_EVENT_TIMESTAMP_MUST_POSTDATE_DEBIT_ACCOUNT = 61
    IMPORTED_EVENT_TIMESTAMP_MUST_POSTDATE_CREDIT_ACCOUNT = 62
    IMPORTED_EVENT_TIMEOUT_MUST_BE_ZERO = 63
    CLOSING_TRANSFER_MUST_BE_PENDING = 64
    DEBIT_ACCOUNT_ALREADY_CLOSED = 65
    CREDIT_ACCOUNT_ALREADY_CLOSED = 66
    EXISTS_WITH_DIFFERENT_LEDGER = 67
    ID_ALREADY_FAILED = 68
    AMOUNT_MUST_NOT_BE_NEGATIVE = 1001
    TIMEOUT_MUST_NOT_BE_NEGATIVE = 1002
    CODE_OUT_OF_RANGE = 1003
    LEDGER_OUT_OF_RANGE = 1004
    EFFECTIVE_OUT_OF_RANGE = 1005
    EXISTS_WITH_DIFFERENT_EFFECTIVE = 1006
    CONDITION_FAILED = 1007
    EFFECTIVE_IN_CLOSED_PERIOD = 1008
    REVERSED_ID_MUST_NOT_BE_INT_MAX = 1009
    REVERSED_ID_MUST_BE_DIFFERENT = 1010
    REVERSED_TRANSFER_NOT_FOUND = 1011
    REVERSED_TRANSFER_NOT_REVERSIBLE = 1012
    REVERSED_TRANSFER_HAS_DIFFERENT_DEBIT_ACCOUNT_ID = 1013
    REVERSED_TRANSFER_HAS_DIFFERENT_CREDIT_ACCOUNT_ID = 1014
    REVERSED_TRANSFER_HAS_DIFFERENT_LEDGER = 1015
    REVERSED_TRANSFER_ALREADY_REVERSED = 1016
    EXCEEDS_REVERSIBLE_AMOUNT = 1017
    EXISTS_WITH_DIFFERENT_REVERSED_ID = 1018

    @property
    def text(self) -> str:
        """What it says, as one English line."""
        return str(_n.ledger_transfer_status_text(self))


class TransferKind(IntEnum):
    """What a stored transfer is."""

    SINGLE = 0
    PENDING = 1
    POSTED = 2
    VOIDED = 3
    EXPIRED = 4
    REVERSAL = 5


class LedgerReason(IntEnum):
    """Why a call was turned down: ``FarmError.reason``."""

    BOOK_DIFFERS = 1
    REFUSED = 2
    BALANCE = 3
    UNLIMITED = 4
    LIMIT_DIFFERS = 5
    LIMIT_USED = 6


class Book(NamedTuple):
    """A book: its number, its asset, and how many decimal places an amount of it has."""

    book: int
    asset: str
    scale: int


class Balances(NamedTuple):
    """The four balances of an account."""

    debits_pending_minor: int = 0
    debits_posted_minor: int = 0
    credits_pending_minor: int = 0
    credits_posted_minor: int = 0


class Account(NamedTuple):
    """An account: to open, or as it was found. To open, what comes after the user data is as it
    stands here, but for the time of one that is imported."""

    id: UUID
    book: int
    code: int
    flags: AccountFlags = AccountFlags(0)
    credit_limit_minor: int = 0
    user_data_128: UUID | None = None
    user_data_64: int = 0
    user_data_32: int = 0
    timestamp_ns: int = 0
    version: int = 0
    balances: Balances = Balances()


class Transfer(NamedTuple):
    """A transfer to post. One that posts or voids a hold needs no more than ``pending_id``, its
    flags and, to post, the amount; one that reverses another ``reversed_id`` and the amount."""

    id: UUID
    debit_account_id: UUID | None = None
    credit_account_id: UUID | None = None
    amount_minor: int = 0
    book: int = 0
    code: int = 0
    flags: TransferFlags = TransferFlags(0)
    pending_id: UUID | None = None
    reversed_id: UUID | None = None
    timeout_us: int = 0
    """Of a hold; 0: it does not end by itself."""
    user_data_128: UUID | None = None
    user_data_64: int = 0
    user_data_32: int = 0
    timestamp_ns: int = 0
    effective_us: int = 0
    conditions: TransferConditions = TransferConditions(0)
    debit_version: int = 0
    credit_version: int = 0
    debit_balance_minor: int = 0


class AccountResult(NamedTuple):
    """What became of an account to open."""

    status: AccountStatus
    timestamp_ns: int

    @property
    def is_done(self) -> bool:
        """The account is there as it was asked for, since now or before."""
        return self.status in (AccountStatus.CREATED, AccountStatus.EXISTS)


class TransferResult(NamedTuple):
    """What became of a transfer: what was moved, and what both accounts had after it, or, when it
    was refused, have."""

    status: TransferStatus
    timestamp_ns: int
    amount_minor: int
    debit: Balances
    credit: Balances

    @property
    def is_done(self) -> bool:
        """The transfer happened, now or before."""
        return self.status in (TransferStatus.CREATED, TransferStatus.EXISTS)


class LedgerEvent(NamedTuple):
    """A transfer as it is stored; ``resolution``: of a hold, by what kind of event it ended, and
    until then SINGLE; ``reversed_minor``: how much of it came back."""

    id: UUID
    debit_account_id: UUID
    credit_account_id: UUID
    amount_minor: int
    book: int
    code: int
    flags: TransferFlags
    pending_id: UUID | None
    reversed_id: UUID | None
    timeout_us: int
    user_data_128: UUID | None
    user_data_64: int
    user_data_32: int
    timestamp_ns: int
    effective_us: int
    kind: TransferKind
    resolution: TransferKind
    reversed_minor: int
    debit: Balances
    credit: Balances


class Query(NamedTuple):
    """Which transfers or accounts: all that is set has to hold. Times are the ledger's, both
    included."""

    flags: QueryFlags = QueryFlags(0)
    account_id: UUID | None = None
    """Transfers of this account; None: of the whole book."""
    book: int = 0
    code: int = 0
    user_data_128: UUID | None = None
    user_data_64: int = 0
    user_data_32: int = 0
    from_ns: int = 0
    to_ns: int = 0
    cursor_ns: int = 0
    """Where the page before this one ended."""


def _id(text: str | None) -> UUID | None:
    return None if text is None else UUID(text)


def _account(row: Any) -> Account | None:
    if row[0] is None:
        return None
    return Account(UUID(row[0]), *row[1:3], AccountFlags(row[3]), row[4], _id(row[5]), *row[6:10],
                   Balances._make(row[10]))


def _event(row: Any) -> LedgerEvent | None:
    if row[0] is None:
        return None
    return LedgerEvent(*map(UUID, row[:3]), *row[3:6], TransferFlags(row[6]), *map(_id, row[7:9]),
                       row[9], _id(row[10]), *row[11:15], *map(TransferKind, row[15:17]), row[17],
                       *map(Balances._make, row[18:]))


class Difference(NamedTuple):
    """An account whose balances are not those of its events: as they are kept, and as they have to
    be."""

    account_id: UUID
    book: int
    kept_version: int
    version: int
    kept: Balances
    balances: Balances
    kept_is_closed: bool
    is_closed: bool
    kept_credit_limit_minor: int
    credit_limit_minor: int


def open_books(session: Any, books: Iterable[Book]) -> None:
    _n.ledger_open_books(session, books)


def close_book(session: Any, book: int, through: Moment) -> None:
    _n.ledger_close_book(session, book, moment_us(through))


def change_credit_limit(session: Any, account: UUID, was_minor: int, limit_minor: int) -> None:
    _n.ledger_change_credit_limit(session, account, was_minor, limit_minor)


def open_accounts(session: Any, accounts: Iterable[Account]) -> list[AccountResult]:
    return [AccountResult(AccountStatus(status), timestamp_ns)
            for status, timestamp_ns in _n.ledger_open_accounts(session, accounts)]


def post(session: Any, transfers: Iterable[Transfer]) -> list[TransferResult]:
    return [TransferResult(TransferStatus(status), timestamp_ns, amount, Balances._make(debit),
                           Balances._make(credit))
            for status, timestamp_ns, amount, debit, credit in _n.ledger_post(session, transfers)]


def expire(session: Any, budget: int) -> int:
    count: int = _n.ledger_expire(session, budget)
    return count


def find_accounts(session: Any, ids: Iterable[UUID]) -> list[Account | None]:
    return [_account(row) for row in _n.ledger_find_accounts(session, ids)]


def find_transfers(session: Any, ids: Iterable[UUID]) -> list[LedgerEvent | None]:
    return [_event(row) for row in _n.ledger_find_transfers(session, ids)]


def find_accounts_at(session: Any, timestamp_ns: int,
                     ids: Iterable[UUID]) -> list[Account | None]:
    return [_account(row) for row in _n.ledger_find_accounts_at(session, timestamp_ns, ids)]


def transfers_page(session: Any, query: Query, capacity: int) -> tuple[list[LedgerEvent], int]:
    rows, cursor_ns = _n.ledger_query_transfers(session, query, capacity)
    return [_event(row) for row in rows], cursor_ns  # type: ignore[misc]


def accounts_page(session: Any, query: Query, capacity: int) -> tuple[list[Account], int]:
    rows, cursor_ns = _n.ledger_query_accounts(session, query, capacity)
    return [_account(row) for row in rows], cursor_ns  # type: ignore[misc]


def export_piece(session: Any, query: Query, format: ExportFormat,
                 size: int) -> tuple[list[bytes], int]:
    piece, cursor_ns = _n.ledger_export_next(session, query, format, size)
    return [piece], cursor_ns


def import_piece(session: Any, book: int, piece: bytes, line_count: int) -> tuple[int, int]:
    return _n.ledger_import_next(session, book, piece, line_count)  # type: ignore[no-any-return]


Parts = Iterator[tuple[bytes, int]]


class Table:
    """A table that arrives in pieces of any size, as it is imported."""

    def __init__(self) -> None:
        self._rest = b""
        self._line_count = 0

    def add(self, piece: bytes) -> Parts:
        """What to import next, with the lines before it; after each done() is called."""
        self._rest += piece
        if len(self._rest) >= PIECE:
            yield from self._whole()

    def end(self) -> Parts:
        """The same of what is left; its last line need not end."""
        if self._rest and not self._rest.endswith(b"\n"):
            self._rest += b"\n"
        yield from self._whole()

    def done(self, line_count: int, used: int) -> None:
        self._line_count = line_count
        self._rest = self._rest[used:]

    def _whole(self) -> Parts:
        while b"\n" in self._rest:
            yield self._rest, self._line_count

    @property
    def count(self) -> int:
        """The transfers so far."""
        return max(0, self._line_count - 1)


def recompute(session: Any, book: int, repair: bool, capacity: int) -> list[Difference]:
    return [Difference(UUID(row[0]), *row[1:4], *map(Balances._make, row[4:6]), *row[6:])
            for row in _n.ledger_recompute(session, book, int(repair), capacity)]


class Ledger:
    """The ledger of a store. Only the service may do anything with it. A batch has up to 8,190
    items, and is one transaction."""

    __slots__ = ("_run",)

    def __init__(self, run: Run) -> None:
        self._run = run

    def open_books(self, books: Iterable[Book]) -> None:
        """Open books, all or none. One that is there with the same fields is left as it is."""
        self._run(open_books, books)

    def close_book(self, book: int, through: Moment) -> None:
        """Close a book through a time: what is effective then or before is refused from now on.
        What is closed stays closed."""
        self._run(close_book, book, through)

    def change_credit_limit(self, account: UUID, was_minor: int, limit_minor: int) -> None:
        """Change the credit limit of an account from what the caller knows it to be."""
        self._run(change_credit_limit, account, was_minor, limit_minor)

    def open_accounts(self, accounts: Iterable[Account]) -> list[AccountResult]:
        """Open accounts; each has its own result."""
        return self._run(open_accounts, accounts)

    def post(self, transfers: Iterable[Transfer]) -> list[TransferResult]:
        """Post transfers, in their order; each has its own result, and a repeat changes nothing."""
        return self._run(post, transfers)

    def expire(self, budget: int) -> int:
        """End up to ``budget`` holds that have run out, and answer how many were."""
        return self._run(expire, budget)

    def find_accounts(self, ids: Iterable[UUID]) -> list[Account | None]:
        """Accounts by their ids, in that order; None for one that is not there."""
        return self._run(find_accounts, ids)

    def find_transfers(self, ids: Iterable[UUID]) -> list[LedgerEvent | None]:
        """Transfers by their ids, in that order; None for one that is not there."""
        return self._run(find_transfers, ids)

    def find_accounts_at(self, timestamp_ns: int, ids: Iterable[UUID]) -> list[Account | None]:
        """Accounts as they were after the events of that time of the ledger."""
        return self._run(find_accounts_at, timestamp_ns, ids)

    def transfers(self, query: Query, *, capacity: int = PAGE) -> Iterator[LedgerEvent]:
        """The transfers of an account or a book, in order, read ``capacity`` at a time."""
        return self._all(transfers_page, query, capacity)

    def export(self, query: Query, format: ExportFormat = ExportFormat.CSV, *,
               size: int = PIECE) -> Iterator[bytes]:
        """What the query asks for as a file, in pieces of up to ``size`` bytes."""
        return self._all(export_piece, query, format, size)

    def import_table(self, book: int, pieces: Iterable[bytes]) -> int:
        """Post a table that was exported, such as an open file of it, and answer how many transfers
        it has. Some thousands are one transaction: what is before an error stays, and importing
        the table again goes on."""
        table = Table()
        for piece in pieces:
            self._import(book, table, table.add(piece))
        self._import(book, table, table.end())
        return table.count

    def _import(self, book: int, table: Table, parts: Parts) -> None:
        for part, line_count in parts:
            table.done(*self._run(import_piece, book, part, line_count))

    def recompute(self, book: int, *, repair: bool = False,
                  capacity: int = PAGE) -> list[Difference]:
        """Reckon the balances of a book from its events, and answer up to ``capacity`` accounts
        that differ; ``repair`` writes them. A history that is broken is a ``CorruptError``."""
        return self._run(recompute, book, repair, capacity)

    def accounts(self, query: Query, *, capacity: int = PAGE) -> Iterator[Account]:
        """The accounts of a book, as they were opened, read ``capacity`` at a time."""
        return self._all(accounts_page, query, capacity)

    def _all(self, page: Any, query: Query, *how: int) -> Iterator[Any]:
        while True:
            rows, cursor_ns = self._run(page, query, *how)
            yield from rows
            if cursor_ns == 0:
                return
            query = query._replace(cursor_ns=cursor_ns)
