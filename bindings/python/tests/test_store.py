"""The store as a whole: transactions, the host's own statements, upkeep, errors."""
import copy
import pickle

import pytest

import farmcore as fc
from conftest import NOW_US

INSERT = "insert into {t} (id, item) values (?1, ?2)"


def rows(store, site):
    return store.execute(site.sql("select id, item from {t} order by id"))


def test_a_transaction_commits_the_hosts_row_and_ours_together(limited, site):
    with limited.transaction(actor="u42") as tx:
        tx.execute(site.sql(INSERT), [1, "apples"])
        tx.rate.take(("user", "u42"))
        tx.idempotency.begin("u42", "k", "op").finish(200, b"answer")

    assert rows(limited, site) == [(1, "apples")]
    assert limited.rate.peek(("user", "u42")).states[0].remaining == 1
    again = limited.acting("u42").idempotency.begin("u42", "k", "op")
    assert again.outcome is fc.Outcome.REPLAY and again.data == b"answer"


def test_an_exception_takes_the_hosts_row_and_ours_back(limited, site):
    with pytest.raises(KeyError):
        with limited.transaction(actor="u42") as tx:
            tx.execute(site.sql(INSERT), [1, "apples"])
            tx.rate.take(("user", "u42"))
            tx.idempotency.begin("u42", "k", "op").finish(200, b"answer")
            raise KeyError("the application's own")

    assert rows(limited, site) == []
    assert limited.rate.peek(("user", "u42")).states[0].remaining == 2
    again = limited.acting("u42").idempotency.begin("u42", "k", "op")
    assert again.outcome is fc.Outcome.EXECUTE


def test_an_operation_that_fails_undoes_itself_alone(store, site):
    with store.transaction() as tx:
        tx.execute(site.sql(INSERT), [1, "apples"])
        with pytest.raises(fc.ExistsError):
            tx.execute(site.sql(INSERT), [1, "pears"])
        tx.execute(site.sql(INSERT), [2, "plums"])

    assert rows(store, site) == [(1, "apples"), (2, "plums")]


def test_a_transaction_acts_as_it_was_told(store):
    store.service.roles.found("shop", "anna")

    with store.acting("anna").transaction() as tx:
        tx.roles.grant("shop", "ben", fc.Role.MEMBER)
        tx.acting("ben").roles.check("shop", fc.Operation.WRITE)
        tx.service.roles.found("pub", "ben")
        tx.roles.check("shop", fc.Operation.CLOSE)
    with store.transaction(service=True) as tx:
        tx.roles.found("inn", "zoe")

    assert store.acting("zoe").roles.check_many([("inn", fc.Operation.CLOSE)]) == [True]


def test_a_transaction_has_a_clock_of_its_own(store):
    with store.transaction() as tx:
        tx.freeze_clock(5)
        assert tx.now_us() == 5
        tx.freeze_clock(None)
        assert tx.now_us() > 5


def test_a_transaction_that_cannot_go_on_is_not_committed(store, site):
    with pytest.raises(fc.InvalidError, match="rolled back"):
        with store.transaction() as tx:
            tx.execute(site.sql(INSERT), [1, "apples"])
            with pytest.raises(fc.TimedOutError):
                tx.within(0.01).execute(site.endless)

    assert rows(store, site) == []


def test_a_view_that_cannot_be_taken_on_leaves_nothing_of_itself(store):
    with store.transaction(actor="u42") as tx:
        with pytest.raises(OverflowError):
            tx.service.within(2**50).new_id()

        with pytest.raises(fc.DeniedError):
            tx.roles.found("shop", "u42")


def test_transactions_do_not_nest_and_end(store):
    with store.transaction() as tx:
        with pytest.raises(RuntimeError):
            tx.transaction()

    with pytest.raises(fc.InvalidError, match="closed"):
        tx.execute("select 1")


def test_values_of_the_host_come_back_as_they_went(store, site):
    values = [(1, "Świętopełk 🛒", b"\0\xff"), (2**63 - 1, "", b""), (-(2**63), None, None)]
    for value in values:
        store.execute(site.sql("insert into {t} values (?1, ?2, ?3)"), value)

    found = store.execute(site.sql("select * from {t}"))

    assert sorted(found) == sorted(values, key=lambda value: value[0])


@pytest.mark.parametrize("bad, error", [
    (2**63, OverflowError), (-(2**63) - 1, OverflowError), (1.5, TypeError), ([1], TypeError),
    (object(), TypeError), ("a\0b", ValueError), (bytearray(b"x"), TypeError)])
def test_a_parameter_that_no_store_holds_is_turned_down(local, bad, error):
    with pytest.raises(error):
        local.execute("select ?1", [bad])


def test_a_statement_that_the_store_does_not_understand_is_invalid(store):
    with pytest.raises(fc.InvalidError):
        store.execute("selec 1")


def test_a_statement_with_a_parameter_too_few_is_invalid(store, site):
    with pytest.raises(fc.InvalidError):
        store.execute("select $1::bigint" if site.is_postgres else "select ?1")


def test_texts_with_a_nul_are_turned_down(local):
    for act in (lambda: local.execute("select 1\0"),
                lambda: local.acting("a\0b").execute("select 1"),
                lambda: local.rate.take(("user\0", "u42")),
                lambda: local.rate.take(("user", "u42\0")),
                lambda: fc.Store("sqlite::memory:\0"),
                lambda: fc.Store("sqlite::memory:", actor="\0")):
        with pytest.raises(ValueError, match="NUL"):
            act()


def test_texts_that_are_no_utf8_are_turned_down(local):
    with pytest.raises(UnicodeEncodeError):
        local.acting("\ud800").execute("select 1")


def test_an_actor_is_a_key(local):
    for actor in ("", "a" * 256):
        with pytest.raises(fc.InvalidError):
            local.acting(actor).execute("select 1")
    with pytest.raises(TypeError):
        local.acting(5).execute("select 1")


def test_health_verify_and_maintain_say_how_it_is(store):
    health, checks = store.health(), store.service.verify()
    done = store.service.maintain(100)

    assert health["ok"] is True and health["version"] == fc.__version__
    assert checks["ok"] is True and len(checks["checks"]) > 0
    assert done == fc.Maintenance(True, 0)
    with pytest.raises(fc.DeniedError):
        store.verify()
    with pytest.raises(fc.DeniedError):
        store.maintain(100)
    with pytest.raises(fc.InvalidError):
        store.service.maintain(0)


def test_maintain_removes_what_expired(limited):
    limited.acting("u42").idempotency.begin("u42", "k", "op", retention=1).finish(1)
    limited.freeze_clock(NOW_US + 400 * 86_400_000_000)

    assert limited.service.maintain(100).removed_count >= 1


def test_migrate_may_be_repeated(local):
    local.migrate()
    local.migrate()

    assert local.health()["ok"] is True


def test_ids_only_grow(store):
    ids = [store.new_id() for _ in range(100)]

    assert ids == sorted(set(ids)) and {made.version for made in ids} == {7}


def test_the_clock_of_the_store_can_be_frozen_and_runs_again(store):
    store.freeze_clock(7)
    frozen = store.now_us()
    store.freeze_clock(None)

    assert frozen == 7 and store.now_us() > 7
    store.freeze_clock(-5)
    store.freeze_clock(2**62)
    with pytest.raises(fc.InvalidError):
        store.now_us()


def test_a_store_that_cannot_be_opened_says_why(tmp_path):
    with pytest.raises(fc.UnsupportedError, match="no backend") as caught:
        fc.Store("dbase:shop")
    assert isinstance(caught.value, NotImplementedError)
    with pytest.raises(fc.UnavailableError):
        fc.Store(f"sqlite:{tmp_path}/none/shop.db")
    with pytest.raises(fc.InvalidError):
        fc.Store("sqlite::memory:", tries=101)
    with pytest.raises(OverflowError):
        fc.Store("sqlite::memory:", sessions=-1)
    with pytest.raises(TypeError):
        fc.Store(5)


def test_a_store_without_its_tables_says_so(tmp_path):
    with fc.Store(f"sqlite:{tmp_path}/new.db") as store:
        with pytest.raises(fc.UnsupportedError):
            store.rate.peek(("user", "u42"))


def test_close_is_idempotent_and_later_calls_are_turned_down(site):
    store = site.open()
    store.close()
    store.close()

    for act in (lambda: store.execute("select 1"), lambda: store.transaction().__enter__(),
                store.health):
        with pytest.raises(fc.InvalidError, match="the store is closed"):
            act()


def test_a_time_limit_bounds_the_wait_for_a_session():
    store = fc.Store("sqlite::memory:", sessions=1)
    store.migrate()
    with store, store.transaction():
        with pytest.raises(fc.BusyError) as caught:
            store.within(0.001).execute("select 1")

    assert caught.value.retryable and caught.value.code == "FARM_EAGAIN"


def test_an_error_keeps_what_it_says_when_it_is_copied(local):
    with pytest.raises(fc.NotFoundError) as caught:
        local.rate.peek(("none", "u42"))

    for copied in (copy.copy(caught.value), pickle.loads(pickle.dumps(caught.value))):
        assert type(copied) is fc.NotFoundError and str(copied) == str(caught.value)
        assert (copied.status, copied.reason) == (fc.Status.ENOTFOUND, 1)
