"""Topics: what was signalled before, between or during waits is found."""
import asyncio
import threading

import farmcore as fc
import pytest
from farmcore import Topic

LONG = 20


def test_the_first_wait_answers_all_and_the_next_what_changed(store):
    watch = store.watch(("ana", "inbox"), ("ben", "inbox"))
    assert watch.wait(LONG) == [Topic("ana", "inbox"), Topic("ben", "inbox")]
    assert watch.wait(0) == []

    store.service.signal(("ben", "inbox"))

    assert watch.wait(LONG) == [Topic("ben", "inbox")]
    assert watch.wait(0.001) == []


def test_a_signal_is_part_of_the_transaction(store):
    watch = store.watch(("ana", "inbox"))
    watch.wait()

    with pytest.raises(ZeroDivisionError), store.transaction(service=True) as tx:
        tx.signal(("ana", "inbox"))
        raise ZeroDivisionError
    assert watch.wait(0) == []
    with store.transaction(actor="ana") as tx:
        tx.signal(("ana", "inbox"))

    assert watch.wait(LONG) == [("ana", "inbox")]


def test_a_thread_that_waits_is_woken(store):
    watch = store.watch(("ana", "inbox"))
    watch.wait()
    found = []
    thread = threading.Thread(target=lambda: found.append(watch.wait(LONG)))
    thread.start()

    store.service.signal(("ana", "inbox"))

    thread.join()
    assert found == [[("ana", "inbox")]]


def test_others_may_not_signal(store):
    with pytest.raises(fc.DeniedError):
        store.acting("eve").signal(("ana", "inbox"))
    with pytest.raises(fc.InvalidError):
        store.service.signal()
    with pytest.raises(TypeError):
        store.service.signal(("ana", 1))
    with pytest.raises(fc.InvalidError):
        store.watch(("", "inbox")).wait(0)


def test_closing_ends_a_wait(store):
    watch = store.watch(("ana", "inbox"))
    watch.wait()
    failure = []

    def wait():
        try:
            watch.wait()
        except fc.InvalidError as error:
            failure.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    store.close()
    thread.join()
    assert failure


def test_tasks_wait_without_a_session(site):
    async def work():
        async with fc.aio.Store(site.uri, sessions=1) as store:
            if not site.is_postgres:
                await store.migrate()
            watches = [store.watch(("ana", f"t-{i}")) for i in range(5)]
            for watch in watches:
                assert await watch.wait()
            waits = [asyncio.ensure_future(watch.wait(LONG)) for watch in watches]
            cancelled = asyncio.ensure_future(store.watch(("ana", "none")).wait())
            for i in range(5):
                await store.service.signal(("ana", f"t-{i}"))
            assert await asyncio.gather(*waits) == [[("ana", f"t-{i}")] for i in range(5)]
            cancelled.cancel()

    asyncio.run(work())
