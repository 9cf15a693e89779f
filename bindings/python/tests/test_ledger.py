"""The ledger through the binding."""
import asyncio
import uuid
from datetime import datetime, timezone
from types import SimpleNamespace

import pytest

import farmcore as fc
from conftest import NOW_US
from farmcore import (AMOUNT_MAX, Account, AccountFlags, AccountResult, AccountStatus, Balances,
                      Book, LedgerReason, Query, QueryFlags, Transfer, TransferConditions,
                      TransferFlags, TransferKind, TransferStatus)

TILL, ANN, BEN = (uuid.UUID(int=number) for number in (1, 2, 3))
NOTHING = Balances()
LIMITED = AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS


@pytest.fixture
def ledger(store):
    """A book of euros with a till, and the accounts of Ann and Ben, who may not overdraw them."""
    store.freeze_clock(NOW_US)
    opened = store.service.ledger
    opened.open_books([Book(1, "EUR", 2)])
    opened.open_accounts([Account(TILL, 1, 10), Account(ANN, 1, 20, LIMITED),
                          Account(BEN, 1, 20, LIMITED)])
    return opened


def move(debit, credit, amount, **fields):
    return Transfer(uuid.uuid4(), debit, credit, amount, 1, 1, **fields)


def statuses(results):
    return [result.status for result in results]


def test_money_moves_and_a_repeat_changes_nothing(ledger):
    sale = move(TILL, ANN, 1250)

    first, = ledger.post([sale])
    again, = ledger.post([sale])

    assert (first.status, again.status) == (TransferStatus.CREATED, TransferStatus.EXISTS)
    assert first.is_done and again.is_done and first[1:] == again[1:]
    assert first.timestamp_ns // 1000 >= NOW_US and first.amount_minor == 1250
    assert first.debit == Balances(debits_posted_minor=1250)
    assert first.credit == Balances(credits_posted_minor=1250)


def test_accounts_are_opened_once_each_with_its_result(ledger):
    accounts = [Account(uuid.uuid4(), 1, 20), Account(ANN, 1, 20, LIMITED), Account(ANN, 1, 20),
                Account(uuid.uuid4(), 9, 20)]

    results = ledger.open_accounts(accounts)

    assert statuses(results) == [AccountStatus.CREATED, AccountStatus.EXISTS,
                                 AccountStatus.EXISTS_WITH_DIFFERENT_FLAGS,
                                 AccountStatus.LEDGER_NOT_FOUND]
    assert [result.is_done for result in results] == [True, True, False, False]
    assert results[3] == AccountResult(AccountStatus.LEDGER_NOT_FOUND, 0)
    assert results[3].status.text == "there is no such book"


def test_an_account_is_found_as_it_was_opened(ledger):
    given = Account(uuid.uuid4(), 1, 65535, LIMITED | AccountFlags.HISTORY, AMOUNT_MAX,
                    uuid.uuid4(), -(2**63), -(2**31))
    result, = ledger.open_accounts([given])

    found, nobody, ann = ledger.find_accounts([given.id, uuid.uuid4(), ANN])

    assert found == given._replace(timestamp_ns=result.timestamp_ns) and nobody is None
    assert isinstance(found.flags, AccountFlags) and isinstance(found.id, uuid.UUID)
    assert (ann.id, ann.user_data_128, ann.balances) == (ANN, None, NOTHING)


def test_a_hold_is_posted_in_part(ledger):
    hold = move(TILL, ANN, 100, flags=TransferFlags.PENDING, timeout_us=9,
                user_data_128=uuid.uuid4(), user_data_64=2**53 + 1, user_data_32=3,
                effective_us=NOW_US)
    end = Transfer(uuid.uuid4(), pending_id=hold.id, amount_minor=60,
                   flags=TransferFlags.POST_PENDING_TRANSFER)

    held, posted = ledger.post([hold, end])

    assert held.credit == Balances(credits_pending_minor=100)
    assert (posted.amount_minor, posted.credit) == (60, Balances(credits_posted_minor=60))
    of_hold, nothing, of_end = ledger.find_transfers([hold.id, uuid.uuid4(), end.id])
    assert of_hold[:13] == hold[:13] and nothing is None
    assert of_hold[13:] == (held.timestamp_ns, NOW_US, TransferKind.PENDING, TransferKind.POSTED,
                            0, held.debit, held.credit)
    assert (of_end.kind, of_end.pending_id, of_end.debit_account_id, of_end.credit) \
        == (TransferKind.POSTED, hold.id, TILL, posted.credit)
    assert isinstance(of_end.flags, TransferFlags)


def test_a_sale_is_refunded_in_parts_and_never_more(ledger):
    sale = move(TILL, ANN, 100)
    refund, rest, more = (Transfer(uuid.uuid4(), reversed_id=sale.id, amount_minor=amount)
                          for amount in (30, AMOUNT_MAX, 1))

    _, first, last, refused = ledger.post([sale, refund, rest, more])

    assert (first.amount_minor, last.amount_minor) == (30, 70)
    assert refused.status == TransferStatus.REVERSED_TRANSFER_ALREADY_REVERSED
    of_sale, of_refund = ledger.find_transfers([sale.id, refund.id])
    assert (of_sale.reversed_minor, of_sale.reversed_id) == (100, None)
    assert (of_refund.kind, of_refund.reversed_id) == (TransferKind.REVERSAL, sale.id)
    assert (of_refund.debit_account_id, of_refund.code) == (ANN, sale.code)


def test_holds_end(store, ledger):
    ledger.post([move(TILL, ANN, 5, flags=TransferFlags.PENDING, timeout_us=1_000_000)
                 for _ in range(3)])
    assert ledger.expire(10) == 0

    store.freeze_clock(NOW_US + 3_000_000)

    assert [ledger.expire(2), ledger.expire(2), ledger.expire(2)] == [2, 1, 0]
    assert ledger.find_accounts([ANN])[0].balances == NOTHING


def test_what_is_not_there_cannot_be_paid_out(ledger):
    ledger.post([move(TILL, ANN, 10)])

    refused, none = ledger.post([move(ANN, TILL, 11), move(ANN, uuid.uuid4(), 1)])

    assert refused.status is TransferStatus.EXCEEDS_CREDITS and not refused.is_done
    assert refused.status.text == "the debit account has not enough"
    assert (refused.timestamp_ns, refused.amount_minor) == (0, 0)
    assert refused.debit == Balances(credits_posted_minor=10)
    assert none.status is TransferStatus.CREDIT_ACCOUNT_NOT_FOUND


def test_a_chain_happens_whole_or_not_at_all(ledger):
    chain = [move(TILL, ANN, 10, flags=TransferFlags.LINKED),
             move(BEN, ANN, 1, flags=TransferFlags.LINKED), move(TILL, BEN, 10)]

    results = ledger.post([*chain, move(TILL, BEN, 7)])

    assert statuses(results) == [
        TransferStatus.LINKED_EVENT_FAILED, TransferStatus.EXCEEDS_CREDITS,
        TransferStatus.LINKED_EVENT_FAILED, TransferStatus.CREATED]
    ann, ben = ledger.find_accounts([ANN, BEN])
    assert (ann.balances, ben.balances) == (NOTHING, Balances(credits_posted_minor=7))


def test_conditions_are_asked(ledger):
    version = ledger.find_accounts([TILL])[0].version
    asked = dict(conditions=TransferConditions.DEBIT_VERSION, debit_version=version)

    results = ledger.post([move(TILL, ANN, 1, **asked), move(TILL, ANN, 1, **asked)])

    assert statuses(results) == [TransferStatus.CREATED, TransferStatus.CONDITION_FAILED]


def test_amounts_are_exact(ledger):
    flags = TransferFlags.BALANCING_DEBIT
    moved = ledger.post([move(TILL, ANN, 2**53 + 1), move(ANN, BEN, AMOUNT_MAX, flags=flags)])

    assert [result.amount_minor for result in moved] == [2**53 + 1] * 2
    assert ledger.find_accounts([BEN])[0].balances.credits_posted_minor == 2**53 + 1


def test_a_batch_of_a_thousand(ledger):
    sales = [move(TILL, (ANN, BEN)[number % 2], number) for number in range(1000)]

    results = ledger.post(iter(sales))

    assert all(result.status is TransferStatus.CREATED for result in results)
    assert [result.amount_minor for result in results] == list(range(1000))
    assert statuses(ledger.post(sales)) == [TransferStatus.EXISTS] * 1000
    found = ledger.find_transfers(sale.id for sale in sales)
    assert [event[:6] for event in found] == [sale[:6] for sale in sales]
    assert results[-1].debit.debits_posted_minor == sum(range(1000))
    accounts = [Account(uuid.uuid4(), 1, 20) for _ in range(1000)]
    assert all(result.is_done for result in ledger.open_accounts(accounts))
    assert [account.id for account in ledger.find_accounts(account.id for account in accounts)] \
        == [account.id for account in accounts]


def test_a_batch_has_a_size(ledger):
    for act in (ledger.open_books, ledger.open_accounts, ledger.post, ledger.find_accounts,
                ledger.find_transfers):
        with pytest.raises(fc.InvalidError):
            act([])
    with pytest.raises(fc.InvalidError):
        ledger.find_accounts([TILL] * 8191)
    with pytest.raises(fc.InvalidError):
        ledger.expire(0)


def test_wrong_types_are_turned_down(ledger):
    good = move(TILL, ANN, 1)
    for bad in (good._replace(id="no id"), good._replace(id=str(good.id)[:-1])):
        with pytest.raises(fc.InvalidError):
            ledger.post([bad])
    for bad in (good._replace(id=5), good._replace(id=b"x" * 16), good._replace(amount_minor=1.0),
                good._replace(amount_minor="1"), good._replace(flags=None), tuple(good[:5]),
                Account(ANN, 1, 1), None):
        with pytest.raises(TypeError):
            ledger.post([good, bad])
    with pytest.raises(TypeError):
        ledger.open_accounts([Account(BEN, 1, 1, balances=(0, 0))])
    with pytest.raises(TypeError):
        ledger.open_books([Book(1, b"EUR", 2)])
    for ids in ([None], [7], 7, [SimpleNamespace(bytes=b"short")],
                [SimpleNamespace(bytes="x" * 16)]):
        with pytest.raises(TypeError):
            ledger.find_accounts(ids)
    with pytest.raises(TypeError):
        ledger.expire("1")
    assert ledger.find_transfers([good.id]) == [None]


def test_numbers_are_in_range_or_turned_down(ledger):
    good = move(TILL, ANN, 1)
    for bad in (good._replace(amount_minor=2**63), good._replace(code=2**31),
                good._replace(flags=-1), good._replace(flags=2**32),
                good._replace(user_data_64=-(2**63) - 1), good._replace(conditions=2**32)):
        with pytest.raises(OverflowError):
            ledger.post([bad])
    with pytest.raises(OverflowError):
        ledger.open_accounts([Account(BEN, 1, 1, balances=Balances(2**63))])
    assert statuses(ledger.post([good._replace(amount_minor=-1), good._replace(flags=2**31)])) \
        == [TransferStatus.AMOUNT_MUST_NOT_BE_NEGATIVE, TransferStatus.RESERVED_FLAG]


def test_a_book_stays_as_it_is(ledger):
    ledger.open_books([Book(1, "EUR", 2), Book(2**63 - 1, "USD", 0)])

    with pytest.raises(fc.ExistsError) as caught:
        ledger.open_books([Book(1, "EUR", 3)])
    assert caught.value.reason == LedgerReason.BOOK_DIFFERS


def test_a_credit_limit_is_changed(ledger):
    account = Account(uuid.uuid4(), 1, 1, LIMITED, 5)
    ledger.open_accounts([account])
    ledger.change_credit_limit(account.id, 5, 9)
    ledger.change_credit_limit(account.id, 5, 9)
    assert ledger.find_accounts([account.id])[0].credit_limit_minor == 9
    with pytest.raises(fc.FarmError) as caught:
        ledger.change_credit_limit(account.id, 5, 7)
    assert caught.value.reason == fc.LedgerReason.LIMIT_DIFFERS


def test_a_period_is_closed(ledger):
    yesterday = NOW_US - 86_400_000_000
    late = move(TILL, ANN, 7, effective_us=yesterday)

    ledger.close_book(1, datetime.fromtimestamp(yesterday / 1_000_000, timezone.utc))

    assert statuses(ledger.post([late])) == [TransferStatus.EFFECTIVE_IN_CLOSED_PERIOD]
    assert ledger.post([late._replace(effective_us=yesterday + 1)])[0].is_done
    with pytest.raises(fc.NotFoundError):
        ledger.close_book(9, yesterday)


def test_only_the_service_may(store, ledger):
    for view in (store, store.acting("ann")):
        for act in (lambda own: own.open_books([Book(1, "EUR", 2)]),
                    lambda own: own.open_accounts([Account(ANN, 1, 20, LIMITED)]),
                    lambda own: own.post([move(TILL, ANN, 1)]), lambda own: own.expire(1),
                    lambda own: own.find_accounts([ANN]),
                    lambda own: own.find_transfers([uuid.uuid4()])):
            with pytest.raises(fc.DeniedError):
                act(view.ledger)


def test_a_transaction_takes_transfers_back(store, ledger):
    with pytest.raises(KeyError):
        with store.transaction(service=True) as tx:
            assert tx.ledger.post([move(TILL, ANN, 5)])[0].is_done
            raise KeyError

    assert ledger.find_accounts([ANN])[0].balances == NOTHING


def test_the_same_awaited():
    async def main():
        async with fc.aio.Store("sqlite::memory:") as store:
            await store.migrate()
            ledger = store.service.ledger
            await ledger.open_books([Book(1, "EUR", 2)])
            opened = await ledger.open_accounts([Account(TILL, 1, 10), Account(ANN, 1, 20)])
            sale = move(TILL, ANN, 7)
            both = [await ledger.post([sale]), await ledger.post([sale])]
            assert all(result.is_done for result in opened + sum(both, []))
            assert await ledger.expire(1) == 0
            accounts = await ledger.find_accounts([ANN, BEN])
            assert [None if one is None else one.id for one in accounts] == [ANN, None]
            assert (await ledger.find_transfers([sale.id]))[0].amount_minor == 7
            with pytest.raises(fc.DeniedError):
                await store.ledger.post([sale])

    asyncio.run(main())


def test_histories_are_read_page_by_page(ledger):
    sales = [move(TILL, ANN, amount) for amount in range(1, 8)]
    ledger.post(sales)
    refund = move(ANN, TILL, 5)
    ledger.post([refund])

    everything = list(ledger.transfers(Query(account_id=ANN), capacity=3))
    newest = ledger.transfers(Query(QueryFlags.REVERSED, ANN), capacity=2)
    credits = ledger.transfers(Query(QueryFlags.CREDITS, ANN), capacity=100)

    assert [event.id for event in everything] == [item.id for item in [*sales, refund]]
    assert [event.id for event in newest] == [item.id for item in [*sales, refund]][::-1]
    assert [event.amount_minor for event in credits] == list(range(1, 8))
    assert everything[-1].debit == Balances(0, 5, 0, 28)
    assert list(ledger.transfers(Query(account_id=BEN))) == []
    assert [account.id for account in ledger.accounts(Query(book=1, code=20), capacity=1)] == [
        ANN, BEN]


def test_accounts_are_found_as_they_were(ledger):
    first, second = (ledger.post([move(TILL, ANN, amount)])[0] for amount in (10, 5))

    then, nobody = ledger.find_accounts_at(first.timestamp_ns, [ANN, uuid.UUID(int=9)])
    now, = ledger.find_accounts_at(second.timestamp_ns, [ANN])

    assert (then.balances, then.version) == (Balances(0, 0, 0, 10), 1)
    assert now.balances == Balances(0, 0, 0, 15)
    assert nobody is None
    assert ledger.find_accounts_at(1, [ANN]) == [None]


def test_an_event_loop_reads_pages_too():
    async def work():
        async with fc.aio.Store("sqlite::memory:") as store:
            await store.migrate()
            found = store.service.ledger
            await found.open_books([Book(1, "EUR", 2)])
            await found.open_accounts([Account(TILL, 1, 10), Account(ANN, 1, 20)])
            results = await found.post([move(TILL, ANN, amount) for amount in (1, 2, 3)])
            events = [event async for event in found.transfers(Query(book=1), capacity=2)]
            accounts = [account async for account in found.accounts(Query(book=1), capacity=2)]
            then, = await found.find_accounts_at(results[1].timestamp_ns, [ANN])
            return events, accounts, then

    events, accounts, then = asyncio.run(work())

    assert [event.amount_minor for event in events] == [1, 2, 3]
    assert [account.id for account in accounts] == [TILL, ANN]
    assert then.balances == Balances(0, 0, 0, 3)
