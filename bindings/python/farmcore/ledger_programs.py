"""Incentive programs of the ledger: see include/farmcore/ledger_program.h."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from . import _native as _n
from .ledger_enums import NominationStatus
from .ledger_records import (FoundNomination, FoundProgram, Nominated, Nomination,
                             NominationResult, Program, Withdrawal)
from .times import Moment, moment_us


def _id(text: str | None) -> UUID | None:
    return None if text is None else UUID(text)


def _at(moment: Moment | None) -> int:
    return 0 if moment is None else moment_us(moment)


def _results(rows: Any) -> list[NominationResult]:
    return [NominationResult(NominationStatus(status), number) for status, number in rows]


def _found(rows: Any) -> list[FoundNomination]:
    return [FoundNomination(UUID(row[0]), *row[1:4], _id(row[4]), *row[5:9], _id(row[9]))
            for row in rows]


def open_programs(session: Any, programs: Iterable[Program]) -> None:
    _n.ledger_open_programs(session, programs)


def end_program(session: Any, program: UUID, until: Moment) -> None:
    _n.ledger_end_program(session, program, moment_us(until))


def find_programs(session: Any, ids: Iterable[UUID]) -> list[FoundProgram | None]:
    return [FoundProgram(UUID(row[0]), *row[1:8], _id(row[8])) if row[0] else None
            for row in _n.ledger_find_programs(session, ids)]


def nominate(session: Any, nominations: Iterable[Nomination]) -> list[NominationResult]:
    return _results(_n.ledger_nominate(session, nominations))


def withdraw_nominations(session: Any,
                         withdrawals: Iterable[Withdrawal]) -> list[NominationResult]:
    return _results(_n.ledger_withdraw_nominations(session, withdrawals))


def list_nominations(session: Any, program: UUID, at: Moment | None, after_subject: str | None,
                     capacity: int) -> list[FoundNomination]:
    return _found(_n.ledger_list_nominations(session, program, _at(at), after_subject, capacity))


def list_subject_nominations(session: Any, book: int, subject: str, after: FoundNomination | None,
                             capacity: int) -> list[FoundNomination]:
    place = (None, 0) if after is None else (after.program_id, after.number)
    return _found(_n.ledger_list_subject_nominations(session, (book, subject, *place), capacity))


def check_nominations(session: Any, program: UUID, account_ids: Iterable[UUID],
                      at: Moment | None) -> list[Nominated]:
    return [Nominated._make(row)
            for row in _n.ledger_check_nominations(session, program, _at(at), account_ids)]
