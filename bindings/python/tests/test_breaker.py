"""Circuit breakers through the binding: they need no store."""
import asyncio
import pickle
import threading

import pytest

import farmcore as fc
from farmcore import BreakerCause, BreakerOptions, BreakerState, CallOutcome

US = 1_800_000_000_000_000
SECOND = 1_000_000
EXACT = BreakerOptions(jitter_percent=-1, consecutive_count=3, probe_count=1)


@pytest.fixture
def breakers():
    with fc.Breakers(EXACT) as made:
        made.freeze_clock(US)
        yield made


def fail(breaker, count=3):
    for _ in range(count):
        with pytest.raises(OSError), breaker.call():
            raise OSError("down")


def test_it_opens_denies_probes_and_closes(breakers):
    shop = breakers["shop"]
    fail(shop)

    with pytest.raises(fc.BreakerOpenError, match="the breaker 'shop' is open") as caught:
        with shop.call():
            pytest.fail("the block was run")
    assert 5 <= caught.value.retry_after < 5.001
    assert pickle.loads(pickle.dumps(caught.value)).retry_after == caught.value.retry_after

    breakers.freeze_clock(US + 6 * SECOND)
    with shop.call() as permit:
        assert permit.state is BreakerState.HALF_OPEN
        assert not shop.allow()
    assert shop.look().state is BreakerState.CLOSED
    assert [(event.before, event.after, event.cause) for event in breakers.events()] == [
        (BreakerState.CLOSED, BreakerState.OPEN, BreakerCause.CONSECUTIVE),
        (BreakerState.OPEN, BreakerState.HALF_OPEN, BreakerCause.TIME),
        (BreakerState.HALF_OPEN, BreakerState.CLOSED, BreakerCause.PROBED)]
    assert [event.at_us - US for event in breakers.events(after=1)] == [6 * SECOND] * 2


def test_a_decorated_function_is_guarded(breakers):
    @breakers["shop"]
    def divide(left, right=1):
        """The doc."""
        return left // right

    assert divide(7, right=2) == 3 and divide.__doc__ == "The doc."
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            divide(1, 0)
    with pytest.raises(fc.BreakerOpenError):
        divide(7)


def test_a_coroutine_is_guarded_and_a_cancelled_one_says_nothing(breakers):
    shop = breakers["shop"]

    @shop
    async def act(error=None):
        await asyncio.sleep(0)
        if error:
            raise error
        return 7

    async def main():
        assert await act() == 7
        forever = asyncio.get_running_loop().create_future()

        async def wait():
            with shop.call():
                await forever

        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (shop.look().call_count, shop.look().failure_count) == (1, 0)
        results = await asyncio.gather(*(act(OSError()) for _ in range(3)), return_exceptions=True)
        assert [type(result) for result in results] == [OSError] * 3
        with pytest.raises(fc.BreakerOpenError):
            await act()

    asyncio.run(main())


def test_what_an_error_means_is_the_hosts_to_say(breakers):
    def outcome(error):
        return CallOutcome.EXCLUDED if isinstance(error, KeyError) else fc.outcome_of(error)

    shop = breakers.get("shop", outcome=outcome)
    for error in (KeyError(), OSError(), OSError(), fc.NotFoundError("x", fc.Status.ENOTFOUND),
                  fc.UnavailableError("x", fc.Status.EUNAVAILABLE)):
        with pytest.raises(type(error)), shop.call():
            raise error

    view = shop.look()
    assert (view.call_count, view.failure_count, view.consecutive_count) == (4, 3, 1)


def test_an_outcome_that_cannot_be_said_is_reported_all_the_same(breakers):
    def outcome(error):
        raise ZeroDivisionError

    shop = breakers.get("shop", BreakerOptions(probe_count=1, jitter_percent=-1), outcome=outcome)
    shop.set(BreakerState.OPEN)
    breakers.freeze_clock(US + 6 * SECOND)
    with pytest.raises(ZeroDivisionError), shop.call():
        raise OSError

    assert shop.look().probe_count == 0 and shop.allow()


def test_two_steps_by_hand_with_a_duration(breakers):
    shop = breakers.get("shop", BreakerOptions(slow=0.5, slow_percent=100, minimum_count=2))
    for duration in (0.4, 0.6, 2):
        shop.report(shop.allow(), CallOutcome.SUCCESS, duration)

    view = shop.look()
    assert (view.timed_count, view.slow_count, view.state) == (3, 2, BreakerState.CLOSED)
    with pytest.raises(fc.InvalidError):
        shop.report(shop.allow()._replace(allowed=False), CallOutcome.SUCCESS)
    with pytest.raises(TypeError):
        shop.report(True, CallOutcome.SUCCESS)


def test_a_state_is_set_by_hand(breakers):
    shop = breakers["shop"]
    shop.set(BreakerState.FORCED_OPEN)
    denied = shop.allow()
    assert not denied and denied.retry_after == float("inf") and denied.retry_after_us == -1

    shop.set(BreakerState.FORCED_CLOSED)
    fail(shop, 9)
    assert str(shop.look().state) == "forced closed"

    shop.set(BreakerState.CLOSED)
    assert shop.look().consecutive_count == 0 and shop.allow()
    with pytest.raises(fc.InvalidError):
        shop.set(BreakerState.HALF_OPEN)


def test_names_are_defined_listed_and_bounded():
    with fc.Breakers(max_count=2, event_count=1) as breakers:
        breakers.get("a", EXACT)
        breakers.get("a", EXACT)
        with pytest.raises(fc.ExistsError, match="other options"):
            breakers.get("a", BreakerOptions())
        with pytest.raises(fc.InvalidError, match="options.open_us is not 1 ms to 1 day"):
            breakers.get("b", BreakerOptions(open=-1))
        with pytest.raises(fc.NotFoundError):
            breakers["b"].look()
        breakers["b"].allow()
        with pytest.raises(fc.FullError):
            breakers["c"].allow()
        assert sorted(view.key for view in breakers) == ["a", "b"]
        for _ in range(3):
            breakers["b"].set(BreakerState.CLOSED)
        assert [(event.sequence, event.lost_count) for event in breakers.events()] == [(3, 2)]
    with pytest.raises(fc.InvalidError, match="the set of breakers is closed"):
        breakers["a"].allow()
    breakers.close()


def test_a_wrong_option_is_named():
    with pytest.raises(fc.InvalidError, match="options.failure_percent"):
        fc.Breakers(BreakerOptions(failure_percent=101))
    with pytest.raises(OverflowError):
        fc.Breakers(max_count=-1)


def test_threads_share_a_set():
    with fc.Breakers(BreakerOptions(consecutive_count=-1, failure_percent=-1, window=3600)) as made:
        def work():
            for _ in range(500):
                with made["shop"].call():
                    pass

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert made["shop"].look().call_count == 4000
