"""Rate limits in the process."""
import asyncio
import threading
from datetime import datetime, timezone

import farmcore as fc
import farmcore.aio
import pytest

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
NOW_US = int(NOW.timestamp()) * 1_000_000


@pytest.fixture
def local():
    with fc.RateLocal([fc.Limit("user", count=2, period=60)], buckets=64) as made:
        made.freeze_clock(NOW)
        yield made


def test_takes_are_counted_and_said_over_http(local):
    first = local.take(("user", "ann"))
    second = local.take(("user", "ann"))
    third = local.take(("user", "ann"))

    assert first and second and not third
    assert third.retry_after == 30
    assert third.headers["Retry-After"] == "30"
    assert third.headers["RateLimit"] == '"user";r=0;t=30'
    assert third.problem["violated-policies"] == ["user"]
    assert first.problem is None and third.token is None
    local.freeze_clock(NOW_US + 30_000_000)
    assert local.allows(("user", "ann")) and not local.allows(("user", "ann"))


def test_what_was_taken_is_given_back_once(local):
    decision = local.take(("user", "ann"), cost=2)
    assert not local.peek(("user", "ann"))

    local.refund(decision)
    local.take(("user", "ann"))
    local.refund(decision)

    assert local.peek(("user", "ann")).states[0].remaining == 1
    local.reset(("user", "ann"))
    assert local.peek(("user", "ann")).states[0].remaining == 2


def test_holds_are_released_and_renewed(local):
    local.define([fc.Limit("slots", count=1, period=60,
                           algorithm=fc.RateAlgorithm.CONCURRENCY)])
    decision = local.take(("slots", "ann"))
    assert not local.take(("slots", "ann"))
    local.renew(decision)
    local.release(decision)
    assert local.peek(("slots", "ann"))
    with pytest.raises(fc.ConflictError) as raised:
        local.renew(decision)
    assert raised.value.reason == fc.RateReason.NOT_HELD


def test_overrides_and_limits_come_and_go(local):
    local.override([fc.Override("user", "eve", fc.RateRule.BAN),
                    fc.Override("user", "bob", count=5)])
    assert not local.take(("user", "eve"))
    assert local.take(("user", "bob"), cost=5)
    local.remove_override("user", "eve")
    assert local.take(("user", "eve"), cost=0, force=True)
    local.remove("user")
    with pytest.raises(fc.NotFoundError) as raised:
        local.take(("user", "ann"))
    assert raised.value.reason == fc.RateReason.UNKNOWN_LIMIT
    assert "user" in str(raised.value)


def test_the_limits_of_a_store_are_taken_over(local, tmp_path):
    with fc.Store(f"sqlite:{tmp_path}/rate.db") as store:
        store.migrate()
        store.service.rate.define([fc.Limit("api", count=3, period=60)])
        local.load(store.service)
        assert local.take(("api", "ann"), cost=3)
        local.load(store.service)
        assert not local.take(("api", "ann"))
    with pytest.raises(fc.InvalidError):
        local.define([fc.Limit("user", count=2, period=60)])

    async def load_again():
        async with farmcore.aio.Store(f"sqlite:{tmp_path}/rate.db") as other:
            await other.service.rate.define([fc.Limit("api", count=4, period=60)])
            await local.load(other.service)
            return local.take(("api", "bob"), cost=4)

    assert asyncio.run(load_again())


def test_threads_share_it_and_admit_exactly_the_burst():
    admitted = []
    with fc.RateLocal([fc.Limit("all", count=1, burst=5000, period=3600,
                                scope=fc.RateScope.GLOBAL)]) as local:
        local.freeze_clock(NOW)

        def work():
            admitted.append(sum(local.allows("all") for _ in range(2000)))

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sum(admitted) == 5000


def test_a_closed_one_and_wrong_arguments_are_refused(local):
    with pytest.raises(fc.InvalidError):
        fc.RateLocal(buckets=1)
    with pytest.raises(TypeError):
        local.take(("user", 5))
    local.close()
    local.close()
    with pytest.raises(Exception) as raised:
        local.take(("user", "ann"))
    assert not isinstance(raised.value, TypeError)
