"""The ledger: see include/farmcore/ledger.h and docs/ledger.md for what each call promises."""
from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

from . import _native as _n
from . import ledger_programs as _programs
from . import ledger_invoice as _invoice
from .ledger_enums import (AccountFlags, AccountStatus, ExportFormat, PayoutReason, TransferFlags,
                           TransferKind, TransferStatus)
from .ledger_invoice import Invoice, InvoiceLineRow, InvoiceResult, InvoiceRow
from .ledger_records import (Account, AccountResult, Balances, Book, Difference, FoundNomination,
                             FoundProgram, Group, GroupTotal, LedgerEvent, Member, Nominated,
                             Nomination, NominationResult, Owner, Ownership, Payee, PayeeOutcome,
                             Payout, PayoutRules, PayoutRun, Period, Program, Query, Seal, Total,
                             TotalDifference, Transfer, TransferResult, Withdrawal)
from .session import Run
from .times import Moment, moment_us

AMOUNT_MAX = 2**63 - 1
"""The largest amount. A post of it posts all that is held, a balancing transfer moves all."""

PAGE = 100
PIECE = 65536


def _id(text: str | None) -> UUID | None:
    return None if text is None else UUID(text)


def _account(row: Any) -> Account | None:
    if row[0] is None:
        return None
    return Account(UUID(row[0]), *row[1:3], AccountFlags(row[3]), row[4], _id(row[5]), *row[6:10],
                   Balances._make(row[10]))


def _results(rows: Any) -> list[TransferResult]:
    return [TransferResult(TransferStatus(status), timestamp_ns, amount, Balances._make(debit),
                           Balances._make(credit))
            for status, timestamp_ns, amount, debit, credit in rows]


def _payout(row: Any) -> Payout:
    return Payout(PayoutReason(row[0]), *row[1:5], _id(row[5]), row[6], TransferKind(row[7]))


def _event(row: Any) -> LedgerEvent | None:
    if row[0] is None:
        return None
    return LedgerEvent(*map(UUID, row[:3]), *row[3:6], TransferFlags(row[6]), *map(_id, row[7:9]),
                       row[9], _id(row[10]), *row[11:15], *map(TransferKind, row[15:17]), row[17],
                       *map(Balances._make, row[18:]))


NO_SEAL = Seal(0, 0, 0, 0, 0, bytes(32), bytes(32))


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
    return _results(_n.ledger_post(session, transfers))


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


def recompute_totals(session: Any, book: int, repair: bool,
                     capacity: int) -> list[TotalDifference]:
    return [TotalDifference(UUID(row[0]), *row[1:])
            for row in _n.ledger_recompute_totals(session, book, int(repair), capacity)]


def seal_events(session: Any, book: int, budget: int) -> Seal:
    return Seal(*_n.ledger_seal_events(session, book, budget))


def follow(session: Any, book: int, after_sequence: int, capacity: int) -> list[LedgerEvent]:
    rows = _n.ledger_follow(session, book, after_sequence, capacity)
    return [_event(row) for row in rows]  # type: ignore[misc]


def find_seals(session: Any, book: int, after_number: int, capacity: int) -> list[Seal]:
    return [Seal(*row) for row in _n.ledger_find_seals(session, book, after_number, capacity)]


def verify_seals(session: Any, book: int, known: Seal | None, budget: int) -> Seal:
    return Seal(*_n.ledger_verify_seals(session, book, known or NO_SEAL, budget))


def sum_periods(session: Any, periods: Iterable[Period]) -> list[Total]:
    return [Total(*row) for row in _n.ledger_sum_periods(session, periods)]


def sum_codes(session: Any, period: Period, after_code: int, capacity: int) -> list[Total]:
    return [Total(*row) for row in _n.ledger_sum_codes(session, period, after_code, capacity)]


def assign_owners(session: Any, owners: Iterable[Owner]) -> None:
    _n.ledger_assign_owners(session, owners)


def find_owners(session: Any, ids: Iterable[UUID]) -> list[Ownership | None]:
    return [Ownership(*row) if row[0] else None for row in _n.ledger_find_owners(session, ids)]


def open_groups(session: Any, groups: Iterable[Group]) -> None:
    _n.ledger_open_groups(session, groups)


def group_accounts(session: Any, members: Iterable[Member]) -> None:
    _n.ledger_group_accounts(session, members)


def ungroup_accounts(session: Any, members: Iterable[Member]) -> None:
    _n.ledger_ungroup_accounts(session, members)


def sum_groups(session: Any, ids: Iterable[UUID]) -> list[GroupTotal | None]:
    return [GroupTotal(*row[:2], Balances._make(row[2])) if row[0] else None
            for row in _n.ledger_sum_groups(session, ids)]


def list_group_accounts(session: Any, group: UUID, after_ns: int, capacity: int) -> list[Account]:
    rows = _n.ledger_list_group_accounts(session, group, after_ns, capacity)
    return [_account(row) for row in rows]  # type: ignore[misc]


def check_payouts(session: Any, rules: PayoutRules, payees: Iterable[Payee]) -> list[Payout]:
    return [_payout(row) for row in _n.ledger_check_payouts(session, rules, payees)]


def hold_payouts(session: Any, run: PayoutRun, rules: PayoutRules,
                 payees: Iterable[Payee]) -> list[Payout]:
    return [_payout(row) for row in _n.ledger_hold_payouts(session, run, rules, payees)]


def settle_payouts(session: Any, book: int, run_id: UUID,
                   outcomes: Iterable[PayeeOutcome]) -> list[TransferResult]:
    return _results(_n.ledger_settle_payouts(session, book, run_id, outcomes))


def find_payouts(session: Any, book: int, run_id: UUID,
                 account_ids: Iterable[UUID]) -> list[Payout | None]:
    found = [_payout(row) for row in _n.ledger_find_payouts(session, book, run_id, account_ids)]
    return [None if payout.transfer_id is None else payout for payout in found]


class Ledger:
    """The ledger of a store. Only the service may do anything with it, but for what a role for an
    owner allows. A batch has up to 8,190 items, and is one transaction."""

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

    def recompute_totals(self, book: int, *, repair: bool = False,
                         capacity: int = PAGE) -> list[TotalDifference]:
        """The same of the totals, from the events that are in sequence."""
        return self._run(recompute_totals, book, repair, capacity)

    def seal_events(self, book: int, budget: int = PAGE) -> Seal:
        """Put up to ``budget`` of a book's oldest events in sequence, and seal them."""
        return self._run(seal_events, book, budget)

    def follow(self, book: int, after_sequence: int = 0, *,
               capacity: int = PAGE) -> list[LedgerEvent]:
        """The events of a book behind a place in its sequence, each once and none missed."""
        return self._run(follow, book, after_sequence, capacity)

    def find_seals(self, book: int, after_number: int = 0, *, capacity: int = PAGE) -> list[Seal]:
        """The seals of a book behind one of them."""
        return self._run(find_seals, book, after_number, capacity)

    def verify_seals(self, book: int, known: Seal | None = None, *, budget: int = PAGE) -> Seal:
        """Check up to ``budget`` seals behind a known one, and answer the last. Where none is
        left that is the known one. A seal that breaks is a ``CorruptError`` that names it."""
        return self._run(verify_seals, book, known, budget)

    def sum_periods(self, periods: Iterable[Period]) -> list[Total]:
        """What accounts moved in periods, by when it counts."""
        return self._run(sum_periods, periods)

    def sum_codes(self, period: Period, after_code: int = 0, *,
                  capacity: int = PAGE) -> list[Total]:
        """What an account moved in a period, by code."""
        return self._run(sum_codes, period, after_code, capacity)

    def assign_owners(self, owners: Iterable[Owner]) -> None:
        """Say for whom books and accounts are kept; who has a role there may act for them."""
        self._run(assign_owners, owners)

    def find_owners(self, ids: Iterable[UUID]) -> list[Ownership | None]:
        """For whom accounts are kept; None for one that is not there."""
        return self._run(find_owners, ids)

    def open_groups(self, groups: Iterable[Group]) -> None:
        """Open groups of accounts, all or none; one may stand below another that comes before."""
        self._run(open_groups, groups)

    def group_accounts(self, members: Iterable[Member]) -> None:
        """Put accounts into groups, all or none."""
        self._run(group_accounts, members)

    def ungroup_accounts(self, members: Iterable[Member]) -> None:
        """Take accounts out of groups, all or none."""
        self._run(ungroup_accounts, members)

    def sum_groups(self, ids: Iterable[UUID]) -> list[GroupTotal | None]:
        """What the accounts of groups have together; None for a group that is not there."""
        return self._run(sum_groups, ids)

    def list_group_accounts(self, group: UUID, after_ns: int = 0, *,
                            capacity: int = PAGE) -> list[Account]:
        """The accounts of a group itself, behind one that was opened at a time."""
        return self._run(list_group_accounts, group, after_ns, capacity)

    def open_programs(self, programs: Iterable[Program]) -> None:
        """Open incentive programs, all or none."""
        self._run(_programs.open_programs, programs)

    def end_program(self, program: UUID, until: Moment) -> None:
        """Bring a program's end forward; a time that has passed ends it now."""
        self._run(_programs.end_program, program, until)

    def find_programs(self, ids: Iterable[UUID]) -> list[FoundProgram | None]:
        """Look programs up; None for one that is not there."""
        return self._run(_programs.find_programs, ids)

    def nominate(self, nominations: Iterable[Nomination]) -> list[NominationResult]:
        """Nominate who or what takes part in programs; each has its own result."""
        return self._run(_programs.nominate, nominations)

    def withdraw_nominations(self, withdrawals: Iterable[Withdrawal]) -> list[NominationResult]:
        """End nominations now; by whom is kept."""
        return self._run(_programs.withdraw_nominations, withdrawals)

    def list_nominations(self, program: UUID, *, at: Moment | None = None,
                         after_subject: str | None = None,
                         capacity: int = PAGE) -> list[FoundNomination]:
        """Who or what is nominated, or was at a time, in the order of the subjects."""
        return self._run(_programs.list_nominations, program, at, after_subject, capacity)

    def list_subject_nominations(self, book: int, subject: str, *,
                                 after: FoundNomination | None = None,
                                 capacity: int = PAGE) -> list[FoundNomination]:
        """All nominations of a subject, past ones, too, behind one that was found."""
        return self._run(_programs.list_subject_nominations, book, subject, after, capacity)

    def check_nominations(self, program: UUID, account_ids: Iterable[UUID], *,
                          at: Moment | None = None) -> list[Nominated]:
        """Whether accounts are nominated in a program, or were at a time."""
        return self._run(_programs.check_nominations, program, account_ids, at)

    def check_payouts(self, rules: PayoutRules, payees: Iterable[Payee]) -> list[Payout]:
        """What payees may get, and why somebody gets nothing; nothing is changed."""
        return self._run(check_payouts, rules, payees)

    def hold_payouts(self, run: PayoutRun, rules: PayoutRules,
                     payees: Iterable[Payee]) -> list[Payout]:
        """Hold what payees get; a payee has one payout in a run, however often it is asked."""
        return self._run(hold_payouts, run, rules, payees)

    def settle_payouts(self, book: int, run_id: UUID,
                       outcomes: Iterable[PayeeOutcome]) -> list[TransferResult]:
        """Post or void what a run holds."""
        return self._run(settle_payouts, book, run_id, outcomes)

    def find_payouts(self, book: int, run_id: UUID,
                     account_ids: Iterable[UUID]) -> list[Payout | None]:
        """What a run holds or held of accounts; None: nothing."""
        return self._run(find_payouts, book, run_id, account_ids)

    def issue_invoices(self, invoices: Iterable[Invoice]) -> list[InvoiceResult]:
        """Issue invoices and credit notes, each with the next number of its series."""
        return self._run(_invoice.issue, invoices)

    def find_invoices(self, ids: Iterable[UUID]) -> list[InvoiceRow | None]:
        """Invoices by their ids; None for one that is not there."""
        return self._run(_invoice.find, ids)

    def list_invoices(self, book: int, series: str, after_number: int = 0, *,
                      capacity: int = PAGE) -> list[InvoiceRow]:
        """The invoices of a series behind a number; fewer than ``capacity``: that is all."""
        return self._run(_invoice.page, book, series, after_number, capacity)

    def list_invoice_lines(self, invoice: UUID, after_line: int = 0, *,
                           capacity: int = PAGE) -> list[InvoiceLineRow]:
        """The lines of an invoice behind one of them."""
        return self._run(_invoice.lines_page, invoice, after_line, capacity)

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
