"""Exports of the ledger, judged by the programs that they are for: journals by hledger and by
bean-check, a table by Python's csv."""
import asyncio
import csv
import io
import random
import re
import subprocess
import uuid
from decimal import Decimal

import pytest

import farmcore as fc
from conftest import NOW_US
from farmcore import Account, Book, ExportFormat, Query, Transfer, TransferFlags

ACCOUNTS = [uuid.UUID(int=number) for number in range(1, 21)]
COUNT = 10_000


def draw(chance, holds):
    """A transfer, some of them holds, and some that end one."""
    debit, credit = chance.sample(ACCOUNTS, 2)
    if holds and chance.randrange(4) == 0:
        hold = holds.pop(chance.randrange(len(holds)))
        flags = chance.choice([TransferFlags.POST_PENDING_TRANSFER,
                               TransferFlags.VOID_PENDING_TRANSFER])
        amount = 0 if flags == TransferFlags.VOID_PENDING_TRANSFER else fc.AMOUNT_MAX
        return Transfer(uuid.uuid4(), amount_minor=amount, pending_id=hold, flags=flags)
    flags = TransferFlags.PENDING if chance.randrange(5) == 0 else TransferFlags(0)
    item = Transfer(uuid.uuid4(), debit, credit, chance.randrange(100_000), 1,
                    1 + chance.randrange(9), flags)
    if flags:
        holds.append(item.id)
    return item


@pytest.fixture(scope="module")
def store():
    """Ten thousand transfers among twenty accounts."""
    chance = random.Random(1494)
    holds = []
    with fc.Store("sqlite::memory:") as opened:
        opened.migrate()
        opened.freeze_clock(NOW_US)
        ledger = opened.service.ledger
        ledger.open_books([Book(1, "EUR", 2)])
        ledger.open_accounts([Account(number, 1, 1) for number in ACCOUNTS])
        for _ in range(COUNT // 100):
            results = ledger.post([draw(chance, holds) for _ in range(100)])
            assert all(result.is_done for result in results)
        yield opened


@pytest.fixture
def ledger(store):
    return store.service.ledger


def check(path):
    return subprocess.run(["hledger", "-f", path, "check"], capture_output=True, text=True)


def test_hledger_agrees_to_the_cent(ledger, tmp_path):
    journal = b"".join(ledger.export(Query(book=1), ExportFormat.HLEDGER)).decode()
    path = tmp_path / "book.journal"
    path.write_text(journal)

    agreed = check(path)

    assert agreed.returncode == 0, agreed.stderr
    lines = journal.splitlines()
    places = [place for place, line in enumerate(lines) if " = " in line]
    assert len(places) > COUNT
    for place in (places[0], places[len(places) // 2], places[-1]):
        before, balance = lines[place].split(" = ")
        cents = Decimal(balance.split()[0]) + Decimal("0.01")
        path.write_text("\n".join([*lines[:place], f'{before} = {cents} "EUR"',
                                   *lines[place + 1:]]) + "\n")
        assert check(path).returncode != 0


def bean_check(path):
    return subprocess.run(["bean-check", "-C", path], capture_output=True, text=True)


def beancount(ledger, book=1):
    query = Query(book=book, to_ns=fc.AMOUNT_MAX)
    return b"".join(ledger.export(query, ExportFormat.BEANCOUNT)).decode()


def add_a_cent(line, sign=1):
    """The line with a hundredth more, or less, in its number."""
    before, number, behind = re.fullmatch(r"(.*  )(-?\d+\.\d\d)( .*)", line).groups()
    return f"{before}{Decimal(number) + sign * Decimal('0.01')}{behind}"


def test_beancount_agrees_to_the_cent(ledger, tmp_path):
    journal = beancount(ledger)
    path = tmp_path / "book.beancount"
    path.write_text(journal)

    agreed = bean_check(path)

    assert agreed.returncode == 0, agreed.stderr
    lines = journal.splitlines()
    legs = [place for place, line in enumerate(lines) if line.startswith("  Assets:")]
    balances = [place for place, line in enumerate(lines) if " balance " in line]
    assert len(legs) > COUNT and len(balances) == len(ACCOUNTS) and max(legs) < min(balances)
    middle = legs[len(legs) // 4 * 2]
    changes = [{middle: 1}, {middle: 1, middle + 1: -1}, {legs[0]: -1, legs[0] + 1: 1},
               {legs[-1]: 1}, {balances[0]: 1}, {balances[-1]: -1}]
    for change in changes:
        path.write_text("\n".join(add_a_cent(line, change[place]) if place in change else line
                                  for place, line in enumerate(lines)) + "\n")
        assert bean_check(path).returncode != 0, change


@pytest.mark.parametrize("scale", [0, 1, 2, 9, 17, 18])
def test_beancount_agrees_whatever_the_scale(scale, tmp_path):
    with fc.Store("sqlite::memory:") as opened:
        opened.migrate()
        ledger = opened.service.ledger
        ledger.open_books([Book(1, "A'B.C-D_9", scale)])
        ledger.open_accounts([Account(number, 1, 1) for number in ACCOUNTS])
        ledger.post([Transfer(uuid.uuid4(), *ACCOUNTS[:2], fc.AMOUNT_MAX, 1, 1),
                     Transfer(uuid.uuid4(), *ACCOUNTS[2:4], 0, 1, 1),
                     Transfer(uuid.uuid4(), *ACCOUNTS[2:4], 1, 1, 1),
                     Transfer(uuid.uuid4(), *ACCOUNTS[1:3], fc.AMOUNT_MAX - 1, 1, 1)])
        journal = beancount(ledger)
    path = tmp_path / "book.beancount"
    path.write_text(journal)

    agreed = bean_check(path)

    assert agreed.returncode == 0, agreed.stderr
    balance = [line for line in journal.splitlines() if " balance " in line][3]
    amount = balance.split()[3]
    assert Decimal(amount) == Decimal(-1).scaleb(-scale)
    path.write_text(journal.replace(balance, balance.replace(amount, amount.replace("1", "2"))))
    assert bean_check(path).returncode != 0


def test_beancount_takes_the_assets_that_are_exported(tmp_path):
    taken = ["EUR", "US", "A1", "A.B", "A_B", "A-B", "A'B", "NULLS", "ABCDEFGHIJKLMNOP"]
    refused = ["X", "Eur", "eur", "1A", "A-", "A'", "A$", 'A"B', "A;B", "TRUE", "FALSE", "NULL"]
    path = tmp_path / "book.beancount"
    with fc.Store("sqlite::memory:") as opened:
        opened.migrate()
        ledger = opened.service.ledger
        for book, asset in enumerate([*taken, *refused], 1):
            ledger.open_books([Book(book, asset, 2)])
            debit, credit = uuid.uuid4(), uuid.uuid4()
            ledger.open_accounts([Account(debit, book, 1), Account(credit, book, 1)])
            ledger.post([Transfer(uuid.uuid4(), debit, credit, 5, book, 1)])
            if asset in refused:
                with pytest.raises(fc.InvalidError):
                    beancount(ledger, book)
            else:
                path.write_text(beancount(ledger, book))
                assert bean_check(path).returncode == 0, asset


def test_a_table_is_read_back_to_the_same_balances(ledger):
    table = b"".join(ledger.export(Query(book=1), size=5000)).decode()
    rows = list(csv.DictReader(io.StringIO(table, newline="")))
    balances = {str(number): Decimal(0) for number in ACCOUNTS}
    for row in rows:
        moved = Decimal(row["amount"]) if row["kind"] in ("single", "posted") else Decimal(0)
        debit, credit = (row[name].removeprefix("ac_")
                         for name in ("debit_account", "credit_account"))
        balances[debit] -= moved
        balances[credit] += moved
        assert Decimal(row["debit_balance"]) == balances[debit]
        assert Decimal(row["credit_balance"]) == balances[credit]

    assert len(rows) == COUNT
    for account in ledger.find_accounts(ACCOUNTS):
        posted = account.balances.credits_posted_minor - account.balances.debits_posted_minor
        assert balances[str(account.id)] == Decimal(posted) / 100


def test_an_account_and_an_event_loop():
    async def work():
        async with fc.aio.Store("sqlite::memory:") as store:
            await store.migrate()
            found = store.service.ledger
            await found.open_books([Book(1, "JPY", 0)])
            await found.open_accounts([Account(number, 1, 1) for number in ACCOUNTS[:2]])
            await found.post([Transfer(uuid.uuid4(), *ACCOUNTS[:2], 7, 1, 1)])
            return b"".join([piece async for piece in found.export(
                Query(account_id=ACCOUNTS[0], book=1))]).decode()

    row, = csv.DictReader(io.StringIO(asyncio.run(work()), newline=""))

    assert (row["amount"], row["change"], row["balance"], row["pending"]) == ("7", "-7", "-7", "0")


@pytest.fixture
def copy(ledger):
    """A store with the same accounts and nothing on them."""
    with fc.Store("sqlite::memory:") as store:
        store.migrate()
        store.freeze_clock(NOW_US + 10**9)
        opened = store.service.ledger
        opened.open_books([Book(1, "EUR", 2)])
        results = opened.open_accounts([
            Account(account.id, 1, account.code, fc.AccountFlags.IMPORTED,
                    timestamp_ns=account.timestamp_ns)
            for account in ledger.accounts(Query(book=1))])
        assert all(result.is_done for result in results)
        yield opened


def journal_of(ledger):
    return b"".join(ledger.export(Query(book=1), ExportFormat.HLEDGER))


def test_a_table_is_imported_to_the_same_balances(ledger, copy):
    for _ in range(2):
        assert copy.import_table(1, ledger.export(Query(book=1))) == COUNT

        assert journal_of(copy) == journal_of(ledger)
        assert ([account.balances for account in copy.find_accounts(ACCOUNTS)]
                == [account.balances for account in ledger.find_accounts(ACCOUNTS)])


def test_a_book_is_followed_and_its_seals_are_checked():
    with fc.Store("sqlite::memory:") as opened:
        opened.migrate()
        ledger = opened.service.ledger
        ledger.open_books([Book(1, "EUR", 2)])
        ledger.open_accounts([Account(number, 1, 1) for number in ACCOUNTS])
        moves = [Transfer(uuid.uuid4(), ACCOUNTS[0], ACCOUNTS[1], 5, 1, 1) for _ in range(3)]
        ledger.post(moves)

        first = ledger.seal_events(1, 2)
        second = ledger.seal_events(1)

        assert (first.number, first.first_sequence, first.event_count) == (1, 1, 2)
        assert second.previous_hash == first.hash
        assert ledger.seal_events(1).number == 0
        assert [event.id for event in ledger.follow(1)] == [item.id for item in moves]
        assert [event.id for event in ledger.follow(1, 2)] == [moves[2].id]
        assert ledger.find_seals(1) == [first, second]
        assert ledger.verify_seals(1) == second
        assert ledger.verify_seals(1, first, budget=1) == second
        assert ledger.verify_seals(1, second) == second
        with pytest.raises(fc.CorruptError, match="seal 1, events 1 to 2"):
            ledger.verify_seals(1, first._replace(hash=bytes(32)))
        with pytest.raises(ValueError, match="32 bytes"):
            ledger.verify_seals(1, first._replace(hash=b"short"))


def test_periods_are_summed_sealed_or_not():
    with fc.Store("sqlite::memory:") as opened:
        opened.migrate()
        ledger = opened.service.ledger
        till, ann = ACCOUNTS[:2]
        hour_us = 3_600_000_000
        then_us = NOW_US - NOW_US % hour_us
        ledger.open_books([Book(1, "EUR", 2)])
        ledger.open_accounts([Account(number, 1, 1) for number in ACCOUNTS])
        ledger.post([Transfer(uuid.uuid4(), till, ann, 7, 1, 1, effective_us=then_us),
                     Transfer(uuid.uuid4(), till, ann, 8, 1, 5, effective_us=then_us - 1)])
        for _ in range(3):
            assert ledger.sum_periods([fc.Period(ann), fc.Period(ann, 0, then_us),
                                       fc.Period(till, 0, 0, then_us)]) == [
                fc.Total(0, 0, 15, 2), fc.Total(0, 0, 7, 1), fc.Total(0, 8, 0, 1)]
            assert ledger.sum_codes(fc.Period(ann), 1) == [fc.Total(5, 0, 8, 1)]
            ledger.seal_events(1, 1)
        with pytest.raises(fc.InvalidError, match="quarter of an hour"):
            ledger.sum_periods([fc.Period(ann, 0, 1)])


def test_payees_are_told_what_they_may_get():
    with fc.Store("sqlite::memory:") as opened:
        opened.migrate()
        ledger = opened.service.ledger
        till, ann, ben = ACCOUNTS[:3]
        ledger.open_books([Book(1, "EUR", 2)])
        ledger.open_accounts([Account(number, 1, 1) for number in ACCOUNTS])
        ledger.post([Transfer(uuid.uuid4(), till, ann, 70, 1, 1)])

        found = ledger.check_payouts(
            fc.PayoutRules(minimum_minor=10, reserve_minor=5),
            [fc.Payee(ann), fc.Payee(ben), fc.Payee(ann, fc.PayeeFlags.BLOCKED)])

        assert found == [fc.Payout(fc.PayoutReason.ELIGIBLE, 65, 70, 0),
                         fc.Payout(fc.PayoutReason.NOTHING, 0, 0, 0),
                         fc.Payout(fc.PayoutReason.BLOCKED, 0, 70, 0)]


def test_a_run_holds_and_settles_what_payees_get():
    with fc.Store("sqlite::memory:") as opened:
        opened.migrate()
        ledger = opened.service.ledger
        till, ann, ben, bank = ACCOUNTS[:4]
        ledger.open_books([Book(1, "EUR", 2)])
        ledger.open_accounts([Account(number, 1, 1) for number in ACCOUNTS])
        ledger.post([Transfer(uuid.uuid4(), till, ann, 70, 1, 1)])
        run = fc.PayoutRun(uuid.uuid4(), 5, bank, till)
        rules = fc.PayoutRules(book=1, reserve_minor=5, fee_minor=2)
        payees = [fc.Payee(ann), fc.Payee(ben)]

        held = ledger.hold_payouts(run, rules, payees)

        assert [(payout.reason, payout.amount_minor, payout.fee_minor) for payout in held] == [
            (fc.PayoutReason.ELIGIBLE, 65, 2), (fc.PayoutReason.NOTHING, 0, 0)]
        again = ledger.hold_payouts(run, rules, payees)
        assert again[0].transfer_id == held[0].transfer_id is not None
        for is_repeat in (False, True):
            settled = ledger.settle_payouts(1, run.id, [
                fc.PayeeOutcome(ann, fc.PayoutOutcome.PAID),
                fc.PayeeOutcome(ben, fc.PayoutOutcome.FAILED)])
            assert [result.status for result in settled] == [
                fc.TransferStatus.EXISTS if is_repeat else fc.TransferStatus.CREATED,
                fc.TransferStatus.PENDING_TRANSFER_NOT_FOUND]
        found = ledger.find_payouts(1, run.id, [ann, ben])
        assert found[0].resolution == fc.TransferKind.POSTED and found[1] is None
        with pytest.raises(fc.ExistsError) as caught:
            ledger.hold_payouts(run._replace(code=6), rules, payees)
        assert caught.value.reason == fc.LedgerReason.RUN_DIFFERS


def test_who_has_a_role_for_the_owner_may():
    with fc.Store("sqlite::memory:") as opened:
        opened.migrate()
        service = opened.service
        till, ann, ben = ACCOUNTS[:3]
        service.ledger.open_books([Book(1, "EUR", 2)])
        service.ledger.open_accounts([Account(number, 1, 1) for number in ACCOUNTS])
        sale = Transfer(uuid.uuid4(), till, ann, 70, 1, 1)
        service.ledger.post([sale])
        service.ledger.assign_owners([fc.Owner("market", book=1), fc.Owner("shop", ann)])
        service.roles.found("shop", "sue")

        shop = opened.acting("sue").ledger

        assert len(b"".join(shop.export(Query(account_id=ann, book=1))).splitlines()) == 2
        refund = Transfer(uuid.uuid4(), None, None, 20, 1, 1, reversed_id=sale.id)
        assert shop.post([refund])[0].is_done
        for denied in (lambda: list(shop.export(Query(book=1))),
                       lambda: shop.find_owners([ann]), lambda: shop.post([sale])):
            with pytest.raises(fc.DeniedError):
                denied()
        assert service.ledger.find_owners([ann, ben, uuid.uuid4()]) == [
            fc.Ownership(1, "shop", "market"), fc.Ownership(1, "", "market"), None]


def test_groups_are_summed():
    with fc.Store("sqlite::memory:") as opened:
        opened.migrate()
        ledger = opened.service.ledger
        till, ann, ben = ACCOUNTS[:3]
        above, below = uuid.uuid4(), uuid.uuid4()
        ledger.open_books([Book(1, "EUR", 2)])
        ledger.open_accounts([Account(number, 1, 1) for number in ACCOUNTS])
        ledger.post([Transfer(uuid.uuid4(), till, ann, 70, 1, 1),
                     Transfer(uuid.uuid4(), till, ben, 5, 1, 1)])
        members = [fc.Member(above, ann), fc.Member(below, ann), fc.Member(below, ben)]

        for _ in range(2):
            ledger.open_groups([fc.Group(above, 1), fc.Group(below, 1, above)])
            ledger.group_accounts(members)

        assert ledger.sum_groups([above, ann, below]) == [
            fc.GroupTotal(1, 2, fc.Balances(credits_posted_minor=75)), None,
            fc.GroupTotal(1, 2, fc.Balances(credits_posted_minor=75))]
        first, = ledger.list_group_accounts(below, capacity=1)
        second, = ledger.list_group_accounts(below, first.timestamp_ns)
        assert (first.id, second.id) == (ann, ben)
        ledger.ungroup_accounts(members[1:])
        assert ledger.sum_groups([above, below]) == [
            fc.GroupTotal(1, 1, fc.Balances(credits_posted_minor=70)),
            fc.GroupTotal(1, 0, fc.Balances())]
        with pytest.raises(fc.NotFoundError) as caught:
            ledger.group_accounts([fc.Member(above, uuid.uuid4())])
        assert caught.value.reason == fc.LedgerReason.ACCOUNT_UNKNOWN


def test_balances_are_reckoned_again(store, ledger):
    account = ledger.find_accounts(ACCOUNTS)[3]
    store.service.execute("DROP TRIGGER farm_ledger_balance_follows")
    store.service.execute("UPDATE farm_ledger_balance SET version = version + 7, is_closed = 1 "
                          "WHERE account = 4")

    found = ledger.recompute(1)

    assert found == [fc.Difference(account.id, 1, account.version + 7, account.version,
                                   account.balances, account.balances, True, False,
                                   account.credit_limit_minor, account.credit_limit_minor)]
    assert ledger.recompute(1, repair=True) == found
    ledger.seal_events(1, 1000)
    assert ledger.recompute_totals(1) == []
    store.service.execute("UPDATE farm_ledger_total SET debits = debits + 1 WHERE account = 4")
    wrong = ledger.recompute_totals(1, repair=True)
    assert {row.account_id for row in wrong} == {account.id}
    assert all(row.kept_debits_minor == row.debits_minor + 1 for row in wrong)
    assert ledger.recompute_totals(1) == []
    assert ledger.recompute(1) == []
    assert ledger.find_accounts(ACCOUNTS)[3] == account


def test_one_cent_that_is_changed_is_noticed(ledger, copy):
    table = b"".join(ledger.export(Query(book=1)))
    lines = table.split(b"\r\n")
    cells = lines[COUNT // 2].split(b",")
    cells[-2] = b"%.2f" % (float(cells[-2]) + 0.01)
    lines[COUNT // 2] = b",".join(cells)

    with pytest.raises(fc.RefusedError, match=f"line {COUNT // 2 + 1}: credit_balance") as caught:
        copy.import_table(1, [b"\r\n".join(lines)])

    assert caught.value.reason == fc.LedgerReason.BALANCE
    assert journal_of(copy) == b"; book 1, in EUR; debits are positive\n\n"


def test_a_table_is_imported_from_a_file_in_a_loop(ledger, tmp_path):
    path = tmp_path / "book.csv"
    path.write_bytes(b"".join(ledger.export(Query(book=1))).rstrip(b"\r\n"))

    async def lines():
        with path.open("rb") as file:
            for line in file:
                yield line

    async def copy():
        async with fc.aio.Store("sqlite::memory:") as store:
            await store.migrate()
            store.freeze_clock(NOW_US + 10**9)
            opened = store.service.ledger
            await opened.open_books([Book(1, "EUR", 2)])
            await opened.open_accounts([
                Account(account.id, 1, account.code, fc.AccountFlags.IMPORTED,
                        timestamp_ns=account.timestamp_ns)
                for account in ledger.accounts(Query(book=1))])
            count = await opened.import_table(1, lines())
            return count, [account.balances for account in await opened.find_accounts(ACCOUNTS)]

    count, balances = asyncio.run(copy())

    assert count == COUNT
    assert balances == [account.balances for account in ledger.find_accounts(ACCOUNTS)]
