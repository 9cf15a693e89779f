"""The modules of a store or a transaction for asyncio; see aio.py."""
from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from typing import Any, Concatenate, Protocol
from uuid import UUID

from . import idempotency as _idempotency
from . import ledger as _ledger
from . import ledger_programs as _programs
from . import ledger_invoice as _invoice
from . import rate as _rate
from . import roles as _roles
from .idempotency import Bytes, Found
from .ledger_enums import ExportFormat
from .ledger_invoice import Invoice, InvoiceLineRow, InvoiceResult, InvoiceRow
from .ledger_records import (Account, AccountResult, Book, Difference, FoundNomination,
                             FoundProgram, Group, GroupTotal, LedgerEvent, Member, Nominated,
                             Nomination, NominationResult, Owner, Ownership, Payee, PayeeOutcome,
                             Payout, PayoutRules, PayoutRun, Period, Program, Query, Seal, Total,
                             TotalDifference, Transfer, TransferResult, Withdrawal)
from .rate import Decision, Limit, Override, Request, pack
from .roles import Grant, Operation, Role
from .session import P, T
from .times import Moment, Seconds


class Run(Protocol):
    """Call a function with a session that is ready, and with the arguments."""

    async def __call__(self, act: Callable[Concatenate[Any, P], T], *arguments: P.args,
                       **named: P.kwargs) -> T: ...


class Rate:
    """farmcore.rate.Rate, awaitable."""

    def __init__(self, run: Run) -> None:
        self._run = run

    async def define(self, limits: Iterable[Limit]) -> None:
        await self._run(_rate.define, limits)

    async def remove(self, name: str) -> None:
        await self._run(_rate.remove, name)

    async def set_shadow(self, is_shadow: bool) -> None:
        await self._run(_rate.set_shadow, is_shadow)

    async def override(self, overrides: Iterable[Override]) -> None:
        await self._run(_rate.override, overrides)

    async def remove_override(self, limit: str, subject: str) -> None:
        await self._run(_rate.remove_override, limit, subject)

    async def take(self, *requests: Request, cost: int = 1, force: bool = False) -> Decision:
        return await self._run(_rate.take, pack(requests, cost, force))

    async def peek(self, *requests: Request, cost: int = 1) -> Decision:
        return await self._run(_rate.peek, pack(requests, cost))

    async def refund(self, decision: Decision | UUID, *requests: Request, cost: int = 1) -> None:
        await self._run(_rate.refund, decision, pack(requests, cost))

    async def release(self, decision: Decision | UUID, *requests: Request) -> None:
        await self._run(_rate.release, decision, pack(requests, 0))

    async def renew(self, decision: Decision | UUID, *requests: Request) -> None:
        await self._run(_rate.renew, decision, pack(requests, 0))

    async def reset(self, *requests: Request) -> None:
        await self._run(_rate.reset, pack(requests, 0))

    async def settle(self) -> None:
        await self._run(_rate.settle)


class Claim(Found):
    """farmcore.idempotency.Claim, awaitable."""

    __slots__ = ("_run",)

    def __init__(self, handle: Any, run: Run) -> None:
        super().__init__(handle)
        self._run = run

    async def advance(self, step: int, data: Bytes = b"") -> None:
        await self._run(_idempotency.advance, self, step, data)

    async def finish(self, code: int, data: Bytes = b"") -> None:
        await self._run(_idempotency.finish, self, code, data)

    async def release(self) -> None:
        await self._run(_idempotency.release, self)


class Idempotency:
    """farmcore.idempotency.Idempotency, awaitable."""

    def __init__(self, run: Run) -> None:
        self._run = run

    async def begin(self, owner: str, key: str, operation: str, data: Bytes = b"", *,
                    lock: Seconds | None = None, retention: Seconds | None = None) -> Claim:
        handle = await self._run(_idempotency.begin, owner, key, operation, data, lock, retention)
        return Claim(handle, self._run)


class Roles:
    """farmcore.roles.Roles, awaitable."""

    def __init__(self, run: Run) -> None:
        self._run = run

    async def found(self, entity: str, owner: str) -> None:
        await self._run(_roles.found, entity, owner)

    async def grant(self, entity: str, subject: str, role: Role,
                    expires: Moment | None = None) -> None:
        await self._run(_roles.grant, entity, subject, role, expires)

    async def revoke(self, entity: str, subject: str, role: Role) -> None:
        await self._run(_roles.revoke, entity, subject, role)

    async def check(self, entity: str, operation: Operation) -> None:
        await self._run(_roles.check, entity, operation)

    async def check_many(self, questions: Iterable[tuple[str, Operation]]) -> list[bool]:
        return await self._run(_roles.check_many, questions)

    async def list(self, entity: str, *, capacity: int = _roles.PAGE) -> AsyncIterator[Grant]:
        last: Grant | None = None
        while True:
            rows = await self._run(_roles.page, entity, last, capacity)
            for row in rows:
                yield row
            if len(rows) < capacity:
                return
            last = rows[-1]


class Ledger:
    """farmcore.ledger.Ledger, awaitable."""

    def __init__(self, run: Run) -> None:
        self._run = run

    async def open_books(self, books: Iterable[Book]) -> None:
        await self._run(_ledger.open_books, books)

    async def close_book(self, book: int, through: Moment) -> None:
        await self._run(_ledger.close_book, book, through)

    async def change_credit_limit(self, account: UUID, was_minor: int, limit_minor: int) -> None:
        await self._run(_ledger.change_credit_limit, account, was_minor, limit_minor)

    async def open_accounts(self, accounts: Iterable[Account]) -> list[AccountResult]:
        return await self._run(_ledger.open_accounts, accounts)

    async def post(self, transfers: Iterable[Transfer]) -> list[TransferResult]:
        return await self._run(_ledger.post, transfers)

    async def expire(self, budget: int) -> int:
        return await self._run(_ledger.expire, budget)

    async def find_accounts(self, ids: Iterable[UUID]) -> list[Account | None]:
        return await self._run(_ledger.find_accounts, ids)

    async def find_transfers(self, ids: Iterable[UUID]) -> list[LedgerEvent | None]:
        return await self._run(_ledger.find_transfers, ids)

    async def find_accounts_at(self, timestamp_ns: int,
                               ids: Iterable[UUID]) -> list[Account | None]:
        return await self._run(_ledger.find_accounts_at, timestamp_ns, ids)

    def transfers(self, query: Query, *,
                  capacity: int = _ledger.PAGE) -> AsyncIterator[LedgerEvent]:
        return self._all(_ledger.transfers_page, query, capacity)

    def export(self, query: Query, format: ExportFormat = ExportFormat.CSV, *,
               size: int = _ledger.PIECE) -> AsyncIterator[bytes]:
        return self._all(_ledger.export_piece, query, format, size)

    async def recompute(self, book: int, *, repair: bool = False,
                        capacity: int = _ledger.PAGE) -> list[Difference]:
        return await self._run(_ledger.recompute, book, repair, capacity)

    async def recompute_totals(self, book: int, *, repair: bool = False,
                               capacity: int = _ledger.PAGE) -> list[TotalDifference]:
        return await self._run(_ledger.recompute_totals, book, repair, capacity)

    async def seal_events(self, book: int, budget: int = _ledger.PAGE) -> Seal:
        return await self._run(_ledger.seal_events, book, budget)

    async def follow(self, book: int, after_sequence: int = 0, *,
                     capacity: int = _ledger.PAGE) -> list[LedgerEvent]:
        return await self._run(_ledger.follow, book, after_sequence, capacity)

    async def find_seals(self, book: int, after_number: int = 0, *,
                         capacity: int = _ledger.PAGE) -> list[Seal]:
        return await self._run(_ledger.find_seals, book, after_number, capacity)

    async def verify_seals(self, book: int, known: Seal | None = None, *,
                           budget: int = _ledger.PAGE) -> Seal:
        return await self._run(_ledger.verify_seals, book, known, budget)

    async def sum_periods(self, periods: Iterable[Period]) -> list[Total]:
        return await self._run(_ledger.sum_periods, periods)

    async def sum_codes(self, period: Period, after_code: int = 0, *,
                        capacity: int = _ledger.PAGE) -> list[Total]:
        return await self._run(_ledger.sum_codes, period, after_code, capacity)

    async def assign_owners(self, owners: Iterable[Owner]) -> None:
        await self._run(_ledger.assign_owners, owners)

    async def find_owners(self, ids: Iterable[UUID]) -> list[Ownership | None]:
        return await self._run(_ledger.find_owners, ids)

    async def open_groups(self, groups: Iterable[Group]) -> None:
        await self._run(_ledger.open_groups, groups)

    async def group_accounts(self, members: Iterable[Member]) -> None:
        await self._run(_ledger.group_accounts, members)

    async def ungroup_accounts(self, members: Iterable[Member]) -> None:
        await self._run(_ledger.ungroup_accounts, members)

    async def sum_groups(self, ids: Iterable[UUID]) -> list[GroupTotal | None]:
        return await self._run(_ledger.sum_groups, ids)

    async def list_group_accounts(self, group: UUID, after_ns: int = 0, *,
                                  capacity: int = _ledger.PAGE) -> list[Account]:
        return await self._run(_ledger.list_group_accounts, group, after_ns, capacity)

    async def open_programs(self, programs: Iterable[Program]) -> None:
        await self._run(_programs.open_programs, programs)

    async def end_program(self, program: UUID, until: Moment) -> None:
        await self._run(_programs.end_program, program, until)

    async def find_programs(self, ids: Iterable[UUID]) -> list[FoundProgram | None]:
        return await self._run(_programs.find_programs, ids)

    async def nominate(self, nominations: Iterable[Nomination]) -> list[NominationResult]:
        return await self._run(_programs.nominate, nominations)

    async def withdraw_nominations(self,
                                   withdrawals: Iterable[Withdrawal]) -> list[NominationResult]:
        return await self._run(_programs.withdraw_nominations, withdrawals)

    async def list_nominations(self, program: UUID, *, at: Moment | None = None,
                               after_subject: str | None = None,
                               capacity: int = _ledger.PAGE) -> list[FoundNomination]:
        return await self._run(_programs.list_nominations, program, at, after_subject, capacity)

    async def list_subject_nominations(self, book: int, subject: str, *,
                                       after: FoundNomination | None = None,
                                       capacity: int = _ledger.PAGE) -> list[FoundNomination]:
        return await self._run(_programs.list_subject_nominations, book, subject, after, capacity)

    async def check_nominations(self, program: UUID, account_ids: Iterable[UUID], *,
                                at: Moment | None = None) -> list[Nominated]:
        return await self._run(_programs.check_nominations, program, account_ids, at)

    async def check_payouts(self, rules: PayoutRules, payees: Iterable[Payee]) -> list[Payout]:
        return await self._run(_ledger.check_payouts, rules, payees)

    async def hold_payouts(self, run: PayoutRun, rules: PayoutRules,
                           payees: Iterable[Payee]) -> list[Payout]:
        return await self._run(_ledger.hold_payouts, run, rules, payees)

    async def settle_payouts(self, book: int, run_id: UUID,
                             outcomes: Iterable[PayeeOutcome]) -> list[TransferResult]:
        return await self._run(_ledger.settle_payouts, book, run_id, outcomes)

    async def find_payouts(self, book: int, run_id: UUID,
                           account_ids: Iterable[UUID]) -> list[Payout | None]:
        return await self._run(_ledger.find_payouts, book, run_id, account_ids)

    async def issue_invoices(self, invoices: Iterable[Invoice]) -> list[InvoiceResult]:
        return await self._run(_invoice.issue, invoices)

    async def find_invoices(self, ids: Iterable[UUID]) -> list[InvoiceRow | None]:
        return await self._run(_invoice.find, ids)

    async def list_invoices(self, book: int, series: str, after_number: int = 0, *,
                            capacity: int = _ledger.PAGE) -> list[InvoiceRow]:
        return await self._run(_invoice.page, book, series, after_number, capacity)

    async def list_invoice_lines(self, invoice: UUID, after_line: int = 0, *,
                                 capacity: int = _ledger.PAGE) -> list[InvoiceLineRow]:
        return await self._run(_invoice.lines_page, invoice, after_line, capacity)

    async def import_table(self, book: int, pieces: AsyncIterable[bytes]) -> int:
        table = _ledger.Table()
        async for piece in pieces:
            await self._import(book, table, table.add(piece))
        await self._import(book, table, table.end())
        return table.count

    async def _import(self, book: int, table: _ledger.Table, parts: _ledger.Parts) -> None:
        for part, line_count in parts:
            table.done(*await self._run(_ledger.import_piece, book, part, line_count))

    def accounts(self, query: Query, *, capacity: int = _ledger.PAGE) -> AsyncIterator[Account]:
        return self._all(_ledger.accounts_page, query, capacity)

    async def _all(self, page: Any, query: Query, *how: int) -> AsyncIterator[Any]:
        while True:
            rows, cursor_ns = await self._run(page, query, *how)
            for row in rows:
                yield row
            if cursor_ns == 0:
                return
            query = query._replace(cursor_ns=cursor_ns)
