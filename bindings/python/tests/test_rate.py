"""Rate limits through the binding."""
from datetime import timedelta
from uuid import UUID

import pytest

import farmcore as fc
from conftest import NOW_US
from farmcore.times import to_us


def test_a_take_within_the_limit_is_allowed_and_says_what_is_left(limited):
    verdict = limited.rate.take(("user", "u42"))

    assert verdict and verdict.allowed
    assert verdict.states[0] == (True, False, False, 2, 1, 0, 30_000_000, 60_000_000,
                                 fc.RateRule.LIMIT, fc.RateSource.STORE)
    assert isinstance(verdict.token, UUID) and verdict.token.version == 7
    assert verdict.retry_after == 0.0 and verdict.problem is None
    assert verdict.headers == {"RateLimit-Policy": '"user";q=2;w=60',
                               "RateLimit": '"user";r=1;t=30'}


def test_a_take_over_the_limit_is_refused_and_says_how_long_to_wait(limited):
    limited.rate.take(("user", "u42"), cost=2)

    verdict = limited.rate.take(("ip", "2001:db8::1"), ("user", "u42"), cost=1)

    assert not verdict
    assert (verdict.decided_index, verdict.token, verdict.is_never) == (1, None, False)
    assert verdict.retry_after_us == 30_000_000 and verdict.retry_after == 30.0
    assert verdict.headers["Retry-After"] == "30"
    assert verdict.problem["violated-policies"] == ["user"]


def test_all_or_none_is_taken(limited):
    limited.rate.take(("user", "u42"), cost=2)
    limited.rate.take(("ip", "192.0.2.7"), ("user", "u42"))

    assert limited.rate.peek(("ip", "192.0.2.7")).states[0].remaining == 8


def test_a_cost_above_the_burst_is_never_allowed(limited):
    verdict = limited.rate.take(("user", "u42", 3))

    assert verdict.is_never and verdict.retry_after == float("inf")
    assert verdict.retry_after_us == -1 and "Retry-After" not in verdict.headers


def test_a_global_limit_needs_no_subject(limited):
    for request in ("all", ("all",), ("all", None)):
        assert limited.rate.take(request)

    assert limited.rate.peek("all", cost=1).states[0].remaining == 97


def test_a_peek_takes_nothing(limited):
    first = limited.rate.peek(("user", "u42"))

    assert first.states == limited.rate.peek(("user", "u42")).states
    assert first.token is None and first.states[0].remaining == 2


def test_a_refund_gives_back_once(limited):
    verdict = limited.rate.take(("user", "u42"), ("ip", "192.0.2.7"))

    limited.rate.refund(verdict)
    limited.rate.refund(verdict.token, ("user", "u42"), ("ip", "192.0.2.7"))

    assert [s.remaining for s in limited.rate.peek(("user", "u42"), ("ip", "192.0.2.7")).states] \
        == [2, 8]


def test_a_refund_of_a_decision_that_took_nothing_is_turned_down(limited):
    looked = limited.rate.peek(("user", "u42"))

    with pytest.raises(fc.InvalidError) as caught:
        limited.rate.refund(looked)

    assert caught.value.reason == fc.RateReason.NOT_REFUNDABLE


def test_a_reset_fills_the_bucket(limited):
    limited.rate.take(("user", "u42"), cost=2)

    limited.service.rate.reset(("user", "u42"))

    assert limited.rate.peek(("user", "u42")).states[0].remaining == 2


def test_a_removed_limit_is_unknown(limited):
    limited.service.rate.remove("user")

    with pytest.raises(fc.NotFoundError, match="user") as caught:
        limited.rate.take(("user", "u42"))

    assert caught.value.reason == fc.RateReason.UNKNOWN_LIMIT
    assert isinstance(caught.value, LookupError)


def test_time_gives_tokens_back(limited):
    limited.rate.take(("user", "u42"), cost=2)

    limited.freeze_clock(NOW_US + 30_000_000)

    assert limited.rate.take(("user", "u42"))
    assert not limited.rate.take(("user", "u42"))


def test_only_the_service_defines_removes_and_resets(limited):
    for act in (lambda: limited.rate.define([fc.Limit("x", 1, 1)]),
                lambda: limited.acting("u42").rate.remove("user"),
                lambda: limited.rate.reset(("user", "u42"))):
        with pytest.raises(fc.DeniedError):
            act()


@pytest.mark.parametrize("request_", [(), ("user",) * 4, 5, (5, "u42"), ("user", 5), ("user", b"x"),
                                      ("user", "u42", "1"), ("user", "u42", 1.0)])
def test_a_request_of_a_wrong_form_is_a_type_error(limited, request_):
    with pytest.raises(TypeError):
        limited.rate.take(request_)


def test_spans_are_exact_where_they_can_be():
    assert to_us(timedelta(microseconds=1)) == 1
    assert to_us(timedelta(days=366)) == 366 * 86_400_000_000
    assert to_us(2**40) == 2**40 * 1_000_000
    assert to_us(0.000001) == 1
