"""Rate limits: see include/farmcore/rate.h and docs for what each call promises."""
from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from . import _native as _n
from .session import Run
from .times import Seconds, seconds, to_us


class RateScope(IntEnum):
    """What a limit's subjects are."""

    KEY = 0
    USER = 1
    ADDRESS = 2
    GLOBAL = 3


class RateAlgorithm(IntEnum):
    """How a limit counts."""

    BUCKET = 0
    WINDOW = 1
    SLIDING = 2
    CONCURRENCY = 3


class RateCalendar(IntEnum):
    """The windows of the calendar."""

    NONE = 0
    HOUR = 1
    DAY = 2
    WEEK = 3
    MONTH = 4
    YEAR = 5


class RateChange(IntEnum):
    """What a change of a limit's figures leaves of its buckets."""

    DEFAULT = 0
    RESET = 1
    KEEP = 2
    PROPORTIONAL = 3


class RateOnError(IntEnum):
    """What a take answers when the store cannot be asked."""

    CLOSED = 0
    OPEN = 1
    LOCAL = 2


class RateRule(IntEnum):
    """Which figures a state goes by."""

    LIMIT = 0
    OVERRIDE = 1
    EXEMPT = 2
    BAN = 3


class RateSource(IntEnum):
    """Who decided."""

    STORE = 0
    DENIAL = 1
    LEASE = 2
    LOCAL = 3
    OPEN = 4


class RateReason(IntEnum):
    """Why a call was turned down: ``FarmError.reason``."""

    UNKNOWN_LIMIT = 1
    BAD_SUBJECT = 2
    OUT_OF_RANGE = 3
    TWICE = 4
    NOT_REFUNDABLE = 5
    OWN_TRANSACTION = 6
    NOT_HELD = 7
    BAD_ZONE = 8


@dataclass(frozen=True)
class Limit:
    """``count`` tokens in ``period``, given back evenly; ``burst`` (0: count) at once. See
    include/farmcore/rate.h for the other algorithms."""

    name: str
    count: int
    period: Seconds = 0
    burst: int = 0
    scope: RateScope = RateScope.KEY
    ipv4_prefix: int = 0
    ipv6_prefix: int = 0
    algorithm: RateAlgorithm = RateAlgorithm.BUCKET
    calendar: RateCalendar = RateCalendar.NONE
    zone: str | None = None
    initial: int = 0
    is_shadow: bool = False
    on_error: RateOnError = RateOnError.CLOSED
    on_change: RateChange = RateChange.DEFAULT
    node_count: int = 0
    jitter_percent: int = 0
    lease_count: int = 0
    denied: Seconds = 0


@dataclass(frozen=True)
class Override:
    """A subject's own figures, its exemption, or its ban; ``expires_us`` 0: for good."""

    limit: str
    subject: str
    rule: RateRule = RateRule.OVERRIDE
    burst: int = 0
    count: int = 0
    period: Seconds = 0
    expires_us: int = 0


class RateState(NamedTuple):
    """The state of one limit after the call."""

    allowed: bool
    is_never: bool
    is_shadow: bool
    burst: int
    remaining: int
    retry_after_us: int
    reset_after_us: int
    refill_us: int
    rule: RateRule
    source: RateSource


Request = str | tuple[str] | tuple[str, str | None] | tuple[str, str | None, int]
"""A limit, its subject unless it is global, and a cost of its own: "all", ("ip", "192.0.2.1"),
("user", "u42", 5)."""
_Packed = tuple[int, str, str | None, int]
_FORCE = 1


@dataclass(frozen=True)
class Decision:
    """What was decided over all limits of a call; true when the call is allowed."""

    allowed: bool
    decided_index: int
    """Of the limit that decided."""
    is_never: bool
    """No waiting helps: the cost is more than a burst."""
    retry_after_us: int
    """Microseconds until all could be had: 0 when allowed, -1 never."""
    token: UUID | None
    """Names the decision for a refund; None when nothing was taken."""
    states: tuple[RateState, ...]
    """Of each limit, in the order of the call."""
    headers: dict[str, str]
    """The HTTP fields: RateLimit-Policy, RateLimit and, when waiting helps, Retry-After."""
    legacy_headers: dict[str, str]
    """Of the limit that decided: X-RateLimit-Limit, -Remaining and -Reset, in seconds."""
    problem: dict[str, Any] | None
    """The body of a refusal as application/problem+json; None when allowed."""
    requests: tuple[_Packed, ...]
    """What was asked for, for a refund."""
    is_shadowed: bool
    """A limit in shadow mode would have refused."""
    is_degraded: bool
    """The store could not be asked; see the states' source."""

    def __bool__(self) -> bool:
        return self.allowed

    @property
    def retry_after(self) -> float:
        """Seconds until all could be had: 0.0 when allowed, infinity when no waiting helps."""
        return seconds(self.retry_after_us)


def pack(requests: Iterable[Request], cost: int, force: bool = False) -> tuple[_Packed, ...]:
    """The requests as the library reads them."""
    flags = (_FORCE if force else 0,)
    defaults = (None, None, cost)
    packed = []
    for request in requests:
        parts = (request,) if isinstance(request, str) else tuple(request)
        if not 1 <= len(parts) <= 3:
            raise TypeError("a request is a limit, a subject and perhaps a cost")
        packed.append(flags + parts + defaults[len(parts):])
    return tuple(packed)  # type: ignore[arg-type]


def _fields(lines: str) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in lines.splitlines())


def decision_of(requests: tuple[_Packed, ...], answer: Any, headers: Callable[..., str],
                legacy_headers: Callable[..., str], problem: Callable[..., str]) -> Decision:
    """What the library answered; the last three say it over HTTP."""
    states, decision = answer
    said = ((requests, states), decision)
    allowed, decided_index, is_never, retry_after_us, token, is_shadowed, is_degraded = decision
    return Decision(
        allowed=allowed,
        decided_index=decided_index,
        is_never=is_never,
        retry_after_us=retry_after_us,
        token=None if token is None else UUID(token),
        states=tuple(RateState(*state[:-2], RateRule(state[-2]), RateSource(state[-1]))
                     for state in states),
        headers=_fields(headers(*said)),
        legacy_headers=_fields(legacy_headers(*said)),
        problem=None if allowed else json.loads(problem(*said)),
        requests=requests,
        is_shadowed=is_shadowed,
        is_degraded=is_degraded,
    )


def _decide(function: Any, session: Any, requests: tuple[_Packed, ...]) -> Decision:
    return decision_of(requests, function(session, requests), partial(_n.rate_headers, session),
                       partial(_n.rate_legacy_headers, session), partial(_n.rate_problem, session))


def pack_limits(limits: Iterable[Limit]) -> list[tuple[Any, ...]]:
    """Limits as the library reads them."""
    return [
        (x.name, x.scope, x.burst, x.count, to_us(x.period), x.ipv4_prefix, x.ipv6_prefix,
         x.algorithm, x.calendar, x.zone, x.initial, x.is_shadow, x.on_error, x.on_change,
         x.node_count, x.jitter_percent, x.lease_count, to_us(x.denied))
        for x in limits]


def define(session: Any, limits: Iterable[Limit]) -> None:
    _n.rate_define(session, pack_limits(limits))


def remove(session: Any, name: str) -> None:
    _n.rate_remove(session, name)


def set_shadow(session: Any, is_shadow: bool) -> None:
    _n.rate_set_shadow(session, int(is_shadow))


def pack_overrides(overrides: Iterable[Override]) -> list[tuple[Any, ...]]:
    """Overrides as the library reads them."""
    return [(x.rule, x.limit, x.subject, x.burst, x.count, to_us(x.period), x.expires_us)
            for x in overrides]


def override(session: Any, overrides: Iterable[Override]) -> None:
    _n.rate_override_put(session, pack_overrides(overrides))


def remove_override(session: Any, limit: str, subject: str) -> None:
    _n.rate_override_remove(session, pack_overrides([Override(limit, subject)]))


def take(session: Any, requests: tuple[_Packed, ...]) -> Decision:
    return _decide(_n.rate_take, session, requests)


def peek(session: Any, requests: tuple[_Packed, ...]) -> Decision:
    return _decide(_n.rate_peek, session, requests)


def given_back(decision: Decision | UUID,
               requests: tuple[_Packed, ...]) -> tuple[str, tuple[_Packed, ...]]:
    """A decision's token, and of what it is: the requests, or all of the decision's that cost
    anything. What cost nothing has nothing to give back."""
    if not isinstance(decision, Decision):
        return str(decision), requests
    whole = tuple((0, *request[1:]) for request in decision.requests if request[3] != 0)
    return str(decision.token or UUID(int=0)), requests or whole


def refund(session: Any, decision: Decision | UUID, requests: tuple[_Packed, ...]) -> None:
    _n.rate_refund(session, *given_back(decision, requests))


def release(session: Any, decision: Decision | UUID, requests: tuple[_Packed, ...]) -> None:
    _n.rate_release(session, *given_back(decision, requests))


def renew(session: Any, decision: Decision | UUID, requests: tuple[_Packed, ...]) -> None:
    _n.rate_renew(session, *given_back(decision, requests))


def reset(session: Any, requests: tuple[_Packed, ...]) -> None:
    _n.rate_reset(session, requests)


def settle(session: Any) -> None:
    _n.rate_settle(session)


class Rate:
    """The rate limits of a store, for whom the view that it belongs to acts."""

    __slots__ = ("_run",)

    def __init__(self, run: Run) -> None:
        self._run = run

    def define(self, limits: Iterable[Limit]) -> None:
        """Define limits or change them, all or none. Only the service may."""
        self._run(define, limits)

    def remove(self, name: str) -> None:
        """Forget a limit. Only the service may."""
        self._run(remove, name)

    def set_shadow(self, is_shadow: bool) -> None:
        """Switch all limits to shadow mode, or back. Only the service may."""
        self._run(set_shadow, is_shadow)

    def override(self, overrides: Iterable[Override]) -> None:
        """Give subjects figures of their own, exempt or ban them. Only the service may."""
        self._run(override, overrides)

    def remove_override(self, limit: str, subject: str) -> None:
        """Leave a subject to the limit itself again. Only the service may."""
        self._run(remove_override, limit, subject)

    def take(self, *requests: Request, cost: int = 1, force: bool = False) -> Decision:
        """Take from limits, all or none; ``cost`` is for those that name none of their own.
        ``force``: take it though there is not enough."""
        return self._run(take, pack(requests, cost, force))

    def peek(self, *requests: Request, cost: int = 1) -> Decision:
        """What take() would answer now."""
        return self._run(peek, pack(requests, cost))

    def refund(self, decision: Decision | UUID, *requests: Request, cost: int = 1) -> None:
        """Give back what a decision took; without requests, all of it. A token needs requests."""
        self._run(refund, decision, pack(requests, cost))

    def release(self, decision: Decision | UUID, *requests: Request) -> None:
        """End the holds of a decision; without requests, all of them."""
        self._run(release, decision, pack(requests, 0))

    def renew(self, decision: Decision | UUID, *requests: Request) -> None:
        """Let the holds of a decision last for their limits' period from now on."""
        self._run(renew, decision, pack(requests, 0))

    def reset(self, *requests: Request) -> None:
        """Fill buckets again. Only the service may."""
        self._run(reset, pack(requests, 0))

    def settle(self) -> None:
        """Give back what this process has in advance (``lease_count``) and has not used."""
        self._run(settle)
