"""Invoices of the ledger, with their lines in them."""
import asyncio
import uuid

import pytest

import farmcore as fc
from farmcore import Account, Book, Invoice, InvoiceLine, InvoiceStatus, Transfer

TILL, ANN = (uuid.UUID(int=number) for number in (1, 2))
SALE = uuid.UUID(int=99)


@pytest.fixture
def ledger():
    with fc.Store("sqlite::memory:") as opened:
        opened.migrate()
        ledger = opened.service.ledger
        ledger.open_books([Book(1, "EUR", 2)])
        ledger.open_accounts([Account(number, 1, 1) for number in (TILL, ANN)])
        ledger.post([Transfer(SALE, TILL, ANN, 119, 1, 1)])
        yield ledger


def draw(*lines):
    return Invoice(uuid.uuid4(), ANN, 1, "R", lines)


def test_numbers_have_no_gaps_and_credit_notes_give_back(ledger):
    invoice = draw(InvoiceLine(SALE, 100, 16, 190_000, "é"), InvoiceLine(SALE))
    other = draw(InvoiceLine(SALE))
    note = Invoice(uuid.uuid4(), None, 1, "R", [InvoiceLine(corrected_line=2)],
                   corrects_id=invoice.id)

    results = ledger.issue_invoices([invoice, other, note])
    repeat, = ledger.issue_invoices([invoice])

    assert [(result.status, result.number, result.is_done) for result in results] == [
        (InvoiceStatus.CREATED, 1, True), (InvoiceStatus.TRANSFER_ALREADY_INVOICED, 0, False),
        (InvoiceStatus.CREATED, 2, True)]
    assert results[1].refused_line == 1 and "left" in results[1].status.text
    assert repeat == results[0]._replace(status=InvoiceStatus.EXISTS)
    assert (repeat.amount_minor, repeat.tax_minor) == (119, 16)


def test_what_was_issued_is_found_and_listed(ledger):
    invoice = draw(InvoiceLine(SALE, 100, 16, 190_000, "é"), InvoiceLine(SALE))
    note = Invoice(uuid.uuid4(), ANN, 1, "R", [InvoiceLine(corrected_line=2, text="torn")],
                   corrects_id=invoice.id, issued_us=5, user_data_128=uuid.UUID(int=7))
    ledger.issue_invoices([invoice, note])

    stored, nothing = ledger.find_invoices([invoice.id, uuid.uuid4()])
    first, second = ledger.list_invoices(1, "R")

    assert nothing is None
    assert stored == first
    assert (stored.account_id, stored.line_count, stored.credited_minor) == (ANN, 2, 19)
    assert (second.corrects_id, second.issued_us, second.user_data_128, second.number) == (
        invoice.id, 5, uuid.UUID(int=7), 2)
    assert ledger.list_invoices(1, "R", 2) == []
    assert ledger.list_invoice_lines(invoice.id, capacity=1) == [
        fc.InvoiceLineRow(1, SALE, 100, 16, 190_000, "é", 0, 0, 0)]
    assert ledger.list_invoice_lines(note.id)[0].corrected_line == 2


def test_wrong_arguments_are_errors(ledger):
    with pytest.raises(fc.InvalidError):
        ledger.issue_invoices([])
    with pytest.raises(fc.InvalidError):
        ledger.list_invoices(1, "")
    with pytest.raises(TypeError):
        ledger.issue_invoices([draw(InvoiceLine(SALE, "1"))])


def test_they_are_awaitable():
    async def issue():
        async with fc.aio.Store("sqlite::memory:") as store:
            await store.migrate()
            ledger = store.service.ledger
            await ledger.open_books([Book(1, "EUR", 2)])
            await ledger.open_accounts([Account(number, 1, 1) for number in (TILL, ANN)])
            await ledger.post([Transfer(SALE, TILL, ANN, 119, 1, 1)])
            invoice = draw(InvoiceLine(SALE))
            result, = await ledger.issue_invoices([invoice])
            row, = await ledger.find_invoices([invoice.id])
            assert [row] == await ledger.list_invoices(1, "R")
            line, = await ledger.list_invoice_lines(invoice.id)
            return result.amount_minor, row.amount_minor, line.amount_minor

    assert asyncio.run(issue()) == (119, 119, 119)
