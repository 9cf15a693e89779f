"""The store for asyncio."""
import asyncio
import inspect

import pytest

import farmcore as fc
from conftest import ENDLESS, NOW_US, STORES, Site
from farmcore import idempotency, ledger, rate, roles


@pytest.fixture(params=STORES[1:])
def site(request, tmp_path):
    made = Site(request.param, tmp_path)
    yield made
    made.remove()


@pytest.fixture
def opened(site):
    """A function that opens the site for asyncio, made ready by the other store. What is in memory
    is of one store alone."""
    ready = site.open()
    ready.service.rate.define([fc.Limit("user", count=5, period=60)])

    def make(**options):
        return fc.aio.Store(site.uri, **options)

    yield make
    ready.close()


@pytest.fixture
def memory():
    """What to run in a store of its own."""
    def run(work, **options):
        async def main():
            async with fc.aio.Store("sqlite::memory:", **options) as store:
                await store.migrate()
                return await work(store)
        return asyncio.run(main())
    return run


def test_every_call_has_its_awaitable_form(memory):
    async def work(store):
        service = store.service
        store.freeze_clock(NOW_US)
        await service.rate.define([fc.Limit("user", count=5, period=60)])
        verdict = await store.rate.take(("user", "u42"), cost=2)
        assert (await store.rate.peek(("user", "u42"))).states[0].remaining == 3
        await store.rate.refund(verdict)
        await store.rate.take(("user", "u42"), cost=5)
        await service.rate.reset(("user", "u42"))
        assert (await store.rate.peek(("user", "u42"))).states[0].remaining == 5
        await service.rate.define([fc.Limit("jobs", 1, period=9,
                                            algorithm=fc.RateAlgorithm.CONCURRENCY)])
        held = await store.rate.take(("jobs", "u42"))
        await store.rate.renew(held)
        assert not await store.rate.take(("jobs", "u42"))
        await store.rate.release(held)
        assert await store.rate.take(("jobs", "u42"))
        assert await store.rate.take(("user", "u42"), cost=5, force=True)
        assert not await store.rate.take(("user", "u42"))
        await service.rate.set_shadow(True)
        assert (await store.rate.take(("user", "u42"))).is_shadowed
        await service.rate.set_shadow(False)
        await service.rate.override([fc.Override("user", "u42", fc.RateRule.BAN)])
        assert (await store.rate.take(("user", "u42"))).is_never
        await service.rate.remove_override("user", "u42")
        await service.rate.define([fc.Limit("leased", count=10, period=86400, lease_count=4)])
        await store.rate.take(("leased", "u42"))
        assert (await store.rate.peek(("leased", "u42"))).states[0].remaining == 6
        await store.rate.settle()
        assert (await store.rate.peek(("leased", "u42"))).states[0].remaining == 9
        await service.rate.remove("user")
        await service.roles.found("shop", "anna")
        await store.acting("anna").roles.grant("shop", "ben", fc.Role.MEMBER)
        assert [row.subject async for row in service.roles.list("shop", capacity=1)] \
            == ["anna", "ben"]
        await store.acting("ben").roles.check("shop", fc.Operation.WRITE)
        await service.roles.revoke("shop", "ben", fc.Role.MEMBER)
        assert await store.acting("ben").roles.check_many([("shop", fc.Operation.READ)]) == [False]
        claim = await service.idempotency.begin("u42", "k", "op", b"x")
        await claim.advance(1, b"step")
        assert claim.step == 1
        await claim.release()
        claim = await service.idempotency.begin("u42", "k", "op", b"x")
        assert claim.data == b"step"
        await claim.finish(200, b"answer")
        assert (await service.idempotency.begin("u42", "k", "op", b"x")).data == b"answer"
        assert (await store.health())["ok"] and (await service.verify())["ok"]
        assert (await service.maintain(10)).is_done
        assert await store.now_us() == NOW_US
        assert (await store.new_id()).version == 7
        assert await store.within(5).execute("select ?1", ["x"]) == [("x",)]
        with pytest.raises(fc.NotFoundError):
            await store.rate.take(("user", "u42"))

    memory(work)


def test_many_tasks_take_exactly_what_there_is(opened):
    async def main():
        async with opened(sessions=3) as store:
            store.freeze_clock(NOW_US)
            verdicts = await asyncio.gather(*[store.rate.take(("user", "u42")) for _ in range(40)])
            return [bool(verdict) for verdict in verdicts].count(True)

    assert asyncio.run(main()) == 5


def test_transactions_commit_or_roll_back(opened, site):
    insert = site.sql("insert into {t} (id) values (?1)")

    async def main():
        async with opened() as store:
            async with store.transaction(actor="u42") as tx:
                await asyncio.gather(tx.execute(insert, [1]), tx.execute(insert, [2]))
                tx.freeze_clock(5)
                assert await tx.now_us() == 5
                with pytest.raises(RuntimeError):
                    tx.transaction()
            with pytest.raises(KeyError):
                async with store.transaction() as tx:
                    await tx.execute(insert, [3])
                    raise KeyError
            return await store.execute(site.sql("select id from {t} order by id"))

    assert asyncio.run(main()) == [(1,), (2,)]


def test_more_transactions_than_sessions_take_turns(opened, site):
    insert = site.sql("insert into {t} (id) values (?1)")

    async def main():
        async with opened(sessions=2) as store:
            async def one(number):
                async with store.transaction() as tx:
                    await tx.execute(insert, [number])

            await asyncio.gather(*[one(number) for number in range(12)])
            return await store.execute(site.sql("select count(*) from {t}"))

    assert asyncio.run(main()) == [(12,)]


def test_a_cancelled_task_interrupts_its_call(memory):
    async def work(store):
        task = asyncio.ensure_future(store.within(float("inf")).execute(ENDLESS))
        while not task.done():
            await asyncio.sleep(0)
            task.cancel()
        assert task.cancelled()
        return await store.execute("select 1")

    assert memory(work) == [(1,)]


def test_a_transaction_that_is_cancelled_while_it_begins_leaves_nothing_behind(memory):
    async def work(store):
        for turns in range(8):
            task = asyncio.ensure_future(store.transaction().__aenter__())
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            try:
                await (await task).__aexit__(None, None, None)
            except asyncio.CancelledError:
                pass
        return await store.execute("select 1")

    assert memory(work, sessions=1) == [(1,)]


def test_who_finds_no_session_is_busy_after_his_time(memory):
    async def work(store):
        async with store.transaction():
            with pytest.raises(fc.BusyError, match="all 1 sessions"):
                await store.within(0.001).execute("select 1")
        return await store.execute("select 1")

    assert memory(work, sessions=1) == [(1,)]


def test_a_store_opens_once_and_closes_more_than_once():
    async def main():
        store = await fc.aio.Store("sqlite::memory:").open()
        watch = store.watch(("ana", "inbox"))
        with pytest.raises(fc.InvalidError):
            await store.open()
        await store.close()
        await store.close()
        await fc.aio.Store("sqlite::memory:").close()
        with pytest.raises(fc.InvalidError, match="the store is closed"):
            await store.execute("select 1")
        with pytest.raises(fc.InvalidError, match="the store is closed"):
            await watch.wait(0)

    asyncio.run(main())


def test_a_store_that_is_not_open_says_so():
    store = fc.aio.Store("sqlite::memory:")

    for act in (lambda: store.rate, lambda: store.service.roles, lambda: store.transaction(),
                lambda: store.freeze_clock(5), lambda: store.watch(("ana", "inbox")),
                lambda: asyncio.run(store.health())):
        with pytest.raises(fc.InvalidError, match="not open"):
            act()


def test_a_transaction_outlives_the_closing_of_its_store(opened, site):
    async def main():
        store = await opened(sessions=0).open()
        async with store.transaction() as tx:
            await store.close()
            await tx.execute(site.sql("insert into {t} (id) values (1)"))
            with pytest.raises(fc.InvalidError, match="the store is closed"):
                await store.execute("select 1")
        async with opened() as again:
            return await again.execute(site.sql("select id from {t}"))

    assert asyncio.run(main()) == [(1,)]


@pytest.mark.parametrize("one, other", [
    (fc.View, fc.aio.View), (fc.Store, fc.aio.Store), (fc.Transaction, fc.aio.Transaction),
    (rate.Rate, fc.aio.Rate), (idempotency.Idempotency, fc.aio.Idempotency),
    (idempotency.Claim, fc.aio.Claim), (roles.Roles, fc.aio.Roles),
    (ledger.Ledger, fc.aio.Ledger)])
def test_both_forms_have_the_same_names(one, other):
    def signatures(kind):
        return {name: inspect.isfunction(value) and list(inspect.signature(value).parameters)
                for name, value in inspect.getmembers(kind)
                if not name.startswith("_") and name != "open"}

    assert signatures(one) == signatures(other)
