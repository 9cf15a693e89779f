"""Invoices of the ledger: see docs/ledger_invoices.md."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from . import _native as _n
from .ledger_enums import InvoiceStatus


class InvoiceLine(NamedTuple):
    """A line: of a transfer, or of a credit note with the number of the invoice's line. An amount
    of 0 is all that is left."""

    transfer_id: UUID | None = None
    amount_minor: int = 0
    tax_minor: int = 0
    tax_rate_ppm: int = 0
    """Millionths: 190000 is 19 %."""
    text: str = ""
    corrected_line: int = 0


class Invoice(NamedTuple):
    """An invoice to issue; with ``corrects_id`` a credit note, which needs no account."""

    id: UUID
    account_id: UUID | None
    book: int
    series: str
    lines: Sequence[InvoiceLine]
    corrects_id: UUID | None = None
    issued_us: int = 0
    user_data_128: UUID | None = None


class InvoiceResult(NamedTuple):
    """What became of an invoice; of one that was refused, for which of its lines, or 0."""

    status: InvoiceStatus
    number: int
    issued_us: int
    amount_minor: int
    tax_minor: int
    refused_line: int

    @property
    def is_done(self) -> bool:
        """The invoice is there as it was asked for, since now or before."""
        return self.status in (InvoiceStatus.CREATED, InvoiceStatus.EXISTS)


class InvoiceRow(NamedTuple):
    """An invoice as it is stored; ``credited_minor`` is what credit notes gave back of it."""

    id: UUID
    account_id: UUID
    book: int
    series: str
    number: int
    line_count: int
    corrects_id: UUID | None
    issued_us: int
    created_us: int
    amount_minor: int
    tax_minor: int
    credited_minor: int
    user_data_128: UUID | None


class InvoiceLineRow(NamedTuple):
    """A line as it is stored; a credit note's is of the transfer of the line that it corrects."""

    line_number: int
    transfer_id: UUID
    amount_minor: int
    tax_minor: int
    tax_rate_ppm: int
    text: str
    corrected_line: int
    credited_minor: int
    credited_tax_minor: int


def _id(text: str | None) -> UUID | None:
    return None if text is None else UUID(text)


def _row(row: Any) -> InvoiceRow:
    return InvoiceRow(UUID(row[0]), UUID(row[1]), *row[2:6], _id(row[6]), *row[7:12], _id(row[12]))


def issue(session: Any, invoices: Iterable[Invoice]) -> list[InvoiceResult]:
    given = list(invoices)
    lines = [line for invoice in given for line in invoice.lines]
    items = [(*invoice[:4], len(invoice.lines), *invoice[5:]) for invoice in given]
    return [InvoiceResult(InvoiceStatus(row[0]), *row[1:])
            for row in _n.ledger_issue_invoices(session, lines, items)]


def find(session: Any, ids: Iterable[UUID]) -> list[InvoiceRow | None]:
    return [None if row[0] is None else _row(row)
            for row in _n.ledger_find_invoices(session, ids)]


def page(session: Any, book: int, series: str, after_number: int,
         capacity: int) -> list[InvoiceRow]:
    return [_row(row)
            for row in _n.ledger_list_invoices(session, book, series, after_number, capacity)]


def lines_page(session: Any, invoice: UUID, after_line: int,
               capacity: int) -> list[InvoiceLineRow]:
    rows = _n.ledger_list_invoice_lines(session, invoice, after_line, capacity)
    return [InvoiceLineRow(row[0], UUID(row[1]), *row[2:]) for row in rows]
