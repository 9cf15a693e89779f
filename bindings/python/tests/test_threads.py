"""Threads, the interpreter's lock, closing while calls run, memory."""
import gc
import subprocess
import sys
import threading
import weakref

import pytest

import farmcore as fc
from conftest import ENDLESS, NOW_US

THREADS = 6


def together(*works):
    """Run works on threads; what any of them raises, raise."""
    errors = []

    def guarded(work):
        try:
            work()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def test_threads_share_a_store_and_take_exactly_what_there_is(store):
    store.service.rate.define([fc.Limit("user", count=50, period=3600)])
    store.freeze_clock(NOW_US)
    allowed = []

    def work():
        for _ in range(20):
            allowed.append(bool(store.rate.take(("user", "u42"))))

    together(*[work] * THREADS)

    assert allowed.count(True) == 50 and len(allowed) == 20 * THREADS


def test_errors_of_threads_are_not_mixed(local):
    def work(name):
        for _ in range(200):
            with pytest.raises(fc.NotFoundError, match=f"no limit {name}$"):
                local.rate.take((name, "u42"))

    together(*[lambda name=f"limit-{n}": work(name) for n in range(THREADS)])


def test_the_lock_of_the_interpreter_is_free_while_a_call_runs(store, site):
    """The endless call can only end when another thread runs Python meanwhile."""
    ended = threading.Event()

    with pytest.raises(fc.TimedOutError) as caught:
        with store.transaction(timeout=float("inf")) as tx:
            def interrupt():
                while not ended.wait(0.001):
                    tx.interrupt()

            other = threading.Thread(target=interrupt)
            other.start()
            try:
                tx.execute(site.endless)
            finally:
                ended.set()
                other.join()

    assert isinstance(caught.value, TimeoutError) and caught.value.retryable


def test_one_session_is_for_one_thread_at_a_time(local):
    turned_down = threading.Event()
    ended = threading.Event()

    def intrude(tx):
        while not turned_down.is_set():
            try:
                tx.now_us()
            except fc.InvalidError as error:
                assert "in use by another call" in str(error)
                turned_down.set()
        while not ended.wait(0.001):
            tx.interrupt()

    with pytest.raises(fc.TimedOutError):
        with local.transaction(timeout=float("inf")) as tx:
            other = threading.Thread(target=intrude, args=(tx,))
            other.start()
            try:
                while True:
                    # A call of the intruder's may turn this one down instead.
                    with pytest.raises(fc.InvalidError):
                        tx.execute(ENDLESS)
            finally:
                ended.set()
                other.join()


def test_closing_while_calls_run_lets_them_finish(site):
    store = site.open()
    store.service.rate.define([fc.Limit("user", count=1000, period=1)])
    under_way = threading.Semaphore(0)

    def work():
        try:
            while True:
                store.rate.take(("user", "u42"))
                under_way.release()
        except fc.InvalidError as error:
            assert str(error) == "the store is closed"

    def close():
        for _ in range(THREADS * 3):
            under_way.acquire()
        store.close()

    together(close, *[work] * THREADS)


def test_a_transaction_outlives_the_closing_of_its_store(site):
    store = site.open()
    with store.transaction() as tx:
        store.close()
        tx.execute(site.sql("insert into {t} (id) values (1)"))

    assert site.uri == "sqlite::memory:" or \
        site.open().execute(site.sql("select id from {t}")) == [(1,)]


def test_a_store_ends_with_its_last_name():
    store = fc.Store("sqlite::memory:")
    ended = weakref.ref(store)
    store.rate, store.roles, store.idempotency

    gc.disable()
    try:
        del store
        assert ended() is None
    finally:
        gc.enable()


def test_what_is_abandoned_is_freed(tmp_path):
    uri = f"sqlite:{tmp_path}/shop.db"
    for _ in range(50):
        store = fc.Store(uri)
        store.migrate()
        store.transaction().__enter__()
        store.service.idempotency.begin("u42", "k", "op")
        del store
        gc.collect()

    with fc.Store(uri) as store, store.transaction() as tx:
        assert tx.execute("select 1") == [(1,)]


MIXED = """
import farmcore as fc, gc
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096
def turn(store, number):
    store.rate.take(("user", "u42"), ("user", "ü" * 50))
    store.execute("select ?1, ?2, ?3, ?4", [number, "text" * 50, b"bytes" * 50, None])
    claim = store.service.idempotency.begin("u42", f"k{number % 7}", "op", b"x" * 100)
    list(store.service.roles.list("shop"))
    store.service.roles.check_many([("shop", fc.Operation.READ)] * 10)
    store.health()
    for act in (lambda: store.rate.take(("none", "u42")), lambda: store.rate.take(("user", 5)),
                lambda: store.execute("select ?1", ["a", 2**63]), lambda: store.execute("selec"),
                lambda: store.execute("select ?1", [b"x", "a\\0"]), lambda: fc.Store("dbase:"),
                lambda: claim.finish("x"), lambda: store.acting("").execute("select 1")):
        try:
            act()
        except (fc.FarmError, TypeError, OverflowError, ValueError):
            continue
        raise SystemExit("an error is missing")
    with store.transaction() as tx:
        tx.execute("select 1")
with fc.Store("sqlite::memory:") as store:
    store.migrate()
    store.service.rate.define([fc.Limit("user", 10, 1)])
    store.service.roles.found("shop", "anna")
    for number in range(500):
        turn(store, number)
    gc.collect()
    before = resident()
    for number in range(3000):
        turn(store, number)
    gc.collect()
    print(resident() - before)
"""


def test_memory_does_not_grow():
    done = subprocess.run([sys.executable, "-c", MIXED], check=False, capture_output=True,
                          text=True)

    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 1 << 20
