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
    assert verdict.legacy_headers == {"X-RateLimit-Limit": "2", "X-RateLimit-Remaining": "0",
                                      "X-RateLimit-Reset": "30", "Retry-After": "30"}
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


def define(store, *limits):
    store.service.rate.define(limits)


def test_a_daily_quota_ends_with_the_day_of_its_zone(limited):
    define(limited, fc.Limit("day", 3, algorithm=fc.RateAlgorithm.WINDOW,
                             calendar=fc.RateCalendar.DAY, zone="Asia/Kolkata"))

    verdict = limited.rate.take(("day", "u42"), cost=4)
    assert verdict.is_never
    limited.rate.take(("day", "u42"), cost=3)
    verdict = limited.rate.take(("day", "u42"))

    # NOW_US is 2027-01-15 08:00 UTC, 13:30 in India.
    assert not verdict and verdict.retry_after == 10.5 * 3600
    limited.freeze_clock(NOW_US + verdict.retry_after_us)
    assert limited.rate.take(("day", "u42"), cost=3)
    with pytest.raises(fc.InvalidError) as caught:
        define(limited, fc.Limit("x", 3, algorithm=fc.RateAlgorithm.WINDOW,
                                 calendar=fc.RateCalendar.DAY, zone="Europe/Nowhere"))
    assert caught.value.reason == fc.RateReason.BAD_ZONE


def test_a_sliding_window_weighs_what_came_before(limited):
    define(limited, fc.Limit("hits", 50, period=60, algorithm=fc.RateAlgorithm.SLIDING))
    limited.rate.take(("hits", "u42"), cost=42)
    limited.freeze_clock(NOW_US + 75_000_000)

    assert limited.rate.take(("hits", "u42"), cost=18)
    assert limited.rate.take(("hits", "u42")).retry_after_us == 714_286


def test_holds_are_renewed_and_released(limited):
    define(limited, fc.Limit("jobs", 1, period=10, algorithm=fc.RateAlgorithm.CONCURRENCY))
    held = limited.rate.take(("jobs", "u42"), ("user", "u42"))
    assert not limited.rate.take(("jobs", "u42"))
    limited.freeze_clock(NOW_US + 9_000_000)
    limited.rate.renew(held)
    limited.freeze_clock(NOW_US + 18_000_000)
    assert not limited.rate.take(("jobs", "u42"))

    limited.rate.release(held.token, ("jobs", "u42"))
    limited.rate.release(held)

    assert limited.rate.take(("jobs", "u42"))
    with pytest.raises(fc.ConflictError) as caught:
        limited.rate.renew(held)
    assert caught.value.reason == fc.RateReason.NOT_HELD


def test_overrides_bans_and_exemptions(limited):
    limited.service.rate.override([
        fc.Override("user", "vip", count=9, burst=9),
        fc.Override("user", "eve", fc.RateRule.BAN, expires_us=NOW_US + 1_000_000),
        fc.Override("ip", "2001:db8::/32", fc.RateRule.EXEMPT)])

    vip = limited.rate.take(("user", "vip/phone"), cost=9)
    assert vip and vip.states[0].rule is fc.RateRule.OVERRIDE and vip.states[0].burst == 9
    eve = limited.rate.take(("user", "eve"))
    assert not eve and eve.states[0].rule is fc.RateRule.BAN and eve.retry_after == 1.0
    assert limited.rate.take(("ip", "2001:db8:5::1"), cost=1000)
    limited.service.rate.remove_override("user", "vip")
    assert limited.rate.peek(("user", "vip")).states[0].burst == 2
    with pytest.raises(fc.DeniedError):
        limited.rate.override([fc.Override("user", "eve", fc.RateRule.EXEMPT)])
    with pytest.raises(fc.DeniedError):
        limited.rate.remove_override("user", "eve")
    with pytest.raises(fc.NotFoundError):
        limited.service.rate.override([fc.Override("none", "x", fc.RateRule.BAN)])


def test_shadow_mode_of_one_and_of_all(limited):
    define(limited, fc.Limit("trial", 1, period=60, is_shadow=True))
    limited.rate.take(("trial", "u42"))

    verdict = limited.rate.take(("trial", "u42"))
    assert verdict and verdict.is_shadowed and not verdict.states[0].allowed
    assert verdict.token is None and verdict.states[0].is_shadow
    limited.rate.take(("user", "u42"), cost=2)
    limited.service.rate.set_shadow(True)
    assert limited.rate.take(("user", "u42"))
    limited.service.rate.set_shadow(False)
    assert not limited.rate.take(("user", "u42"))
    with pytest.raises(fc.DeniedError):
        limited.rate.set_shadow(True)


def test_a_forced_take_goes_into_debt(limited):
    limited.rate.take(("user", "u42"), cost=2)

    assert limited.rate.take(("user", "u42"), cost=2, force=True)

    verdict = limited.rate.take(("user", "u42"))
    assert verdict.retry_after == 90.0
    assert limited.rate.take(("user", "u43"), cost=2)


def test_a_change_keeps_resets_or_scales(limited):
    for change, left in ((fc.RateChange.KEEP, 5), (fc.RateChange.PROPORTIONAL, 10),
                         (fc.RateChange.RESET, 20)):
        name = f"c{change}"
        define(limited, fc.Limit(name, 10, period=60))
        limited.rate.take((name, "u42"), cost=5)
        define(limited, fc.Limit(name, 20, period=timedelta(hours=1), on_change=change))
        assert limited.rate.peek((name, "u42")).states[0].remaining == left


def test_every_field_of_a_limit_arrives(limited):
    define(limited, fc.Limit("full", 10, period=10, burst=20, initial=5, node_count=3,
                             on_error=fc.RateOnError.LOCAL, jitter_percent=50, lease_count=2,
                             denied=timedelta(seconds=1)))

    verdict = limited.rate.take(("full", "u42"), cost=6)
    assert not verdict and verdict.states[0].remaining == 5 and verdict.states[0].burst == 20
    assert 1_000_000 <= verdict.retry_after_us <= 1_500_000
    for wrong in (dict(initial=21), dict(node_count=10_001), dict(jitter_percent=101),
                  dict(lease_count=21), dict(denied=61), dict(on_error=3), dict(on_change=4),
                  dict(algorithm=4), dict(calendar=2), dict(zone="UTC")):
        with pytest.raises(fc.InvalidError):
            define(limited, fc.Limit("wrong", **{"count": 10, "period": 10, "burst": 20, **wrong}))


def test_a_refund_of_all_passes_over_what_cost_nothing(limited):
    verdict = limited.rate.take(("user", "u42", 0), ("ip", "192.0.2.7", 3))

    limited.rate.refund(verdict)

    assert limited.rate.peek(("ip", "192.0.2.7")).states[0].remaining == 8
    with pytest.raises(fc.InvalidError) as caught:
        limited.rate.refund(limited.rate.take(("user", "u42", 0)))
    assert caught.value.reason == fc.RateReason.NOT_REFUNDABLE


def test_a_renewal_of_all_passes_over_what_was_only_looked_at(limited):
    define(limited, *[fc.Limit(name, 1, period=10, algorithm=fc.RateAlgorithm.CONCURRENCY)
                      for name in ("jobs", "mails")])
    held = limited.rate.take(("jobs", "u42"), ("mails", "u42", 0))

    limited.rate.renew(held)
    limited.rate.release(held)

    assert limited.rate.take(("jobs", "u42"))


def test_a_request_goes_by_the_most_specific_limit(limited):
    define(limited, fc.Limit("api", 5, period=60), fc.Limit("api/search", 2, period=60))

    verdict = limited.rate.take(("api/search/images", "u42"), ("api/orders", "u42"))

    assert [state.burst for state in verdict.states] == [2, 5]


def test_what_is_leased_and_not_used_is_given_back(limited):
    limited.service.rate.define([fc.Limit("leased", count=10, period=86400, lease_count=4)])
    assert limited.rate.take(("leased", "u42")).states[0].source == fc.RateSource.STORE
    assert limited.rate.take(("leased", "u42")).states[0].source == fc.RateSource.LEASE
    assert limited.rate.peek(("leased", "u42")).states[0].remaining == 6

    limited.rate.settle()

    assert limited.rate.peek(("leased", "u42")).states[0].remaining == 8


def test_a_refusal_is_remembered(limited):
    limited.service.rate.define([fc.Limit("once", count=1, period=60, denied=60)])
    limited.rate.take(("once", "u42"))
    assert limited.rate.take(("once", "u42")).states[0].source == fc.RateSource.STORE

    verdict = limited.rate.take(("once", "u42"), ("ip", "192.0.2.7"))

    assert not verdict and verdict.retry_after == 60.0 and not verdict.is_degraded
    assert [state.source for state in verdict.states] == [fc.RateSource.DENIAL] * 2
    assert verdict.states[1].remaining == -1 and "ip" not in verdict.headers["RateLimit"]
