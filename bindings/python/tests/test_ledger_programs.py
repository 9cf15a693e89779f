"""Incentive programs: who or what is nominated, by whom, until when."""
import asyncio
import uuid

import pytest

import farmcore as fc
from conftest import NOW_US
from farmcore import NominationStatus as Status

TILL, ANN, BEN = (uuid.uuid4() for _ in range(3))
PROGRAM = fc.Program(uuid.uuid4(), 1, "shop of the month", NOW_US, NOW_US + 100, 2)


@pytest.fixture
def ledger():
    with fc.Store("sqlite::memory:") as store:
        store.migrate()
        store.freeze_clock(NOW_US)
        ledger = store.service.ledger
        ledger.open_books([fc.Book(1, "EUR", 2)])
        ledger.open_accounts([fc.Account(account, 1, 7) for account in (TILL, ANN, BEN)])
        ledger.open_programs([PROGRAM])
        yield ledger


def test_who_is_nominated_is_found_and_paid(ledger):
    ann = fc.Nomination(PROGRAM.id, "ann's shop", "eve", ANN, user_data_128=BEN)
    ledger.post([fc.Transfer(uuid.uuid4(), TILL, account, 70, 1, 1) for account in (ANN, BEN)])

    created, again, refused = ledger.nominate([ann, ann, ann._replace(nominated_by="ben")])

    assert (created, again) == (fc.NominationResult(Status.CREATED, 1),
                                fc.NominationResult(Status.EXISTS, 1))
    assert created.is_done and not refused.is_done
    assert refused.status is Status.EXISTS_WITH_DIFFERENT_NOMINATED_BY
    found, missing = ledger.find_programs([PROGRAM.id, ANN])
    assert missing is None
    assert found == fc.FoundProgram(*PROGRAM[:5], NOW_US + 100, 2, 1, None)
    listed = fc.FoundNomination(PROGRAM.id, 1, "ann's shop", 1, ANN, "eve", NOW_US, NOW_US + 100,
                                "", BEN)
    assert ledger.list_nominations(PROGRAM.id) == [listed]
    assert ledger.list_nominations(PROGRAM.id, after_subject="ann's shop") == []
    assert ledger.check_nominations(PROGRAM.id, [ANN, BEN]) == [
        fc.Nominated(True, NOW_US + 100), fc.Nominated(False, 0)]
    rules = fc.PayoutRules(book=1, program_id=PROGRAM.id)
    assert [payout.reason for payout in ledger.check_payouts(rules, [fc.Payee(ANN), fc.Payee(BEN)])
            ] == [fc.PayoutReason.ELIGIBLE, fc.PayoutReason.NOT_NOMINATED]


def test_what_is_withdrawn_stays_in_the_history(ledger):
    ledger.nominate([fc.Nomination(PROGRAM.id, "ann", "eve")])

    assert ledger.withdraw_nominations([fc.Withdrawal(PROGRAM.id, "ann", "bob")]) == [
        fc.NominationResult(Status.CREATED, 1)]

    assert ledger.list_nominations(PROGRAM.id, at=NOW_US) == []
    ledger.nominate([fc.Nomination(PROGRAM.id, "ann", "eve", number=2)])
    first, = ledger.list_subject_nominations(1, "ann", capacity=1)
    second, = ledger.list_subject_nominations(1, "ann", after=first)
    assert (first.number, first.withdrawn_by, first.until_us) == (1, "bob", NOW_US)
    assert (second.number, second.withdrawn_by, second.account_id) == (2, "", None)


def test_a_program_ends_and_is_not_put_off(ledger):
    for _ in range(2):
        ledger.end_program(PROGRAM.id, NOW_US + 50)
    with pytest.raises(fc.RefusedError) as caught:
        ledger.end_program(PROGRAM.id, NOW_US + 51)
    assert caught.value.reason == fc.LedgerReason.PROGRAM_ENDS_EARLIER
    with pytest.raises(fc.ExistsError) as caught:
        ledger.open_programs([PROGRAM._replace(name="another")])
    assert caught.value.reason == fc.LedgerReason.PROGRAM_DIFFERS


def test_programs_in_a_loop():
    async def nominate():
        async with fc.aio.Store("sqlite::memory:") as store:
            await store.migrate()
            store.freeze_clock(NOW_US)
            ledger = store.service.ledger
            await ledger.open_books([fc.Book(1, "EUR", 2)])
            await ledger.open_programs([PROGRAM])
            await ledger.nominate([fc.Nomination(PROGRAM.id, "ann", "eve")])
            await ledger.withdraw_nominations([fc.Withdrawal(PROGRAM.id, "ann", "eve")])
            await ledger.end_program(PROGRAM.id, NOW_US)
            found, = await ledger.find_programs([PROGRAM.id])
            return (found.until_us, await ledger.list_nominations(PROGRAM.id),
                    len(await ledger.list_subject_nominations(1, "ann")),
                    await ledger.check_nominations(PROGRAM.id, [ANN]))

    assert asyncio.run(nominate()) == (NOW_US, [], 1, [fc.Nominated(False, 0)])
