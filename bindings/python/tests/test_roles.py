"""Roles through the binding."""
from datetime import datetime, timedelta, timezone

import pytest

import farmcore as fc
from conftest import NOW_US
from farmcore import Operation, Role, RoleReason


@pytest.fixture
def shop(store):
    """A store with a shop that Anna owns."""
    store.freeze_clock(NOW_US)
    store.service.roles.found("shop", "anna")
    return store


def test_an_owner_grants_and_the_one_granted_may_act(shop):
    shop.acting("anna").roles.grant("shop", "ben", Role.MEMBER)

    shop.acting("ben").roles.check("shop", Operation.WRITE)
    with pytest.raises(fc.DeniedError) as caught:
        shop.acting("ben").roles.check("shop", Operation.PAY)
    assert caught.value.reason == RoleReason.NOT_ALLOWED
    assert caught.value.code == "FARM_EDENIED" and not caught.value.retryable


def test_who_has_no_role_is_denied(shop):
    with pytest.raises(fc.DeniedError) as caught:
        shop.acting("zoe").roles.check("shop", Operation.READ)

    assert caught.value.reason == RoleReason.NO_ROLE


def test_a_revoked_role_is_gone(shop):
    roles = shop.acting("anna").roles
    roles.grant("shop", "ben", Role.MEMBER)

    roles.revoke("shop", "ben", Role.MEMBER)

    assert shop.acting("ben").roles.check_many([("shop", Operation.READ)]) == [False]


def test_the_last_owner_stays(shop):
    with pytest.raises(fc.RefusedError) as caught:
        shop.acting("anna").roles.revoke("shop", "anna", Role.OWNER)

    assert caught.value.reason == RoleReason.LAST_OWNER


def test_an_entity_is_founded_once(shop):
    shop.service.roles.found("shop", "anna")
    with pytest.raises(fc.ExistsError):
        shop.service.roles.found("shop", "ben")
    with pytest.raises(fc.DeniedError):
        shop.acting("ben").roles.found("pub", "ben")
    with pytest.raises(fc.NotFoundError):
        shop.service.roles.grant("pub", "ben", Role.MEMBER)


def test_many_questions_are_answered_in_their_order(shop):
    answers = shop.acting("anna").roles.check_many(
        [("shop", Operation.PAY), ("pub", Operation.READ), ("anna", Operation.CLOSE)])

    assert answers == [True, False, True]


@pytest.mark.parametrize("end", [
    NOW_US + 60_000_000,
    datetime.fromtimestamp(NOW_US // 1_000_000, timezone.utc) + timedelta(minutes=1)])
def test_a_grant_ends_when_it_was_said_to(shop, end):
    shop.acting("anna").roles.grant("shop", "ben", Role.VIEWER, expires=end)
    held = shop.acting("ben").roles.check_many([("shop", Operation.READ)])

    shop.freeze_clock(NOW_US + 60_000_000)

    assert held == [True]
    assert shop.acting("ben").roles.check_many([("shop", Operation.READ)]) == [False]


def test_the_list_goes_over_its_pages(shop):
    names = [f"user-{number:02}" for number in range(12)]
    for name in names:
        shop.service.roles.grant("shop", name, Role.VIEWER)

    pages = list(shop.acting("anna").roles.list("shop", capacity=5))
    at_once = list(shop.acting("anna").roles.list("shop"))

    assert pages == at_once
    assert pages[0] == ("anna", Role.OWNER, 0, NOW_US, "")
    assert [row.subject for row in pages[1:]] == names


def test_keys_are_kept_as_they_were_written(shop):
    name = "Świętopełk 🛒 " + "é" * 100
    shop.service.roles.grant("shop", name, Role.VIEWER)

    assert [row.subject for row in shop.service.roles.list("shop")] == sorted(["anna", name])
    shop.acting(name).roles.check("shop", Operation.READ)


def test_the_table_of_roles_needs_no_store():
    assert Role.OWNER.allows(Operation.CLOSE) and not Role.MEMBER.allows(Operation.GRANT)
    assert str(Role.MANAGER) == "manager" and str(Operation.EXPORT) == "export"
