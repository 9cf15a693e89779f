"""Rate limits: see include/farmcore/rate.h and docs for what each call promises."""
from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple
from uuid import UUID

from . import _native as _n
from .session import Run
from .times import Seconds, to_us


class RateScope(IntEnum):
    """What a limit's subjects are."""

    KEY = 0
    USER = 1
    ADDRESS = 2
    GLOBAL = 3


class RateReason(IntEnum):
    """Why a call was turned down: ``FarmError.reason``."""

    UNKNOWN_LIMIT = 1
    BAD_SUBJECT = 2
    OUT_OF_RANGE = 3
    TWICE = 4
    NOT_REFUNDABLE = 5
    OWN_TRANSACTION = 6


@dataclass(frozen=True)
class Limit:
    """``count`` tokens in ``period``, given back evenly; ``burst`` (0: count) at once."""

    name: str
    count: int
    period: Seconds
    burst: int = 0
    scope: RateScope = RateScope.KEY
    ipv4_prefix: int = 0
    ipv6_prefix: int = 0


class RateState(NamedTuple):
    """The state of one limit after the call."""

    allowed: bool
    is_never: bool
    burst: int
    remaining: int
    retry_after_us: int
    reset_after_us: int
    refill_us: int


Request = str | tuple[str] | tuple[str, str | None] | tuple[str, str | None, int]
"""A limit, its subject unless it is global, and a cost of its own: "all", ("ip", "192.0.2.1"),
("user", "u42", 5)."""
_Packed = tuple[str, str | None, int]


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
    problem: dict[str, Any] | None
    """The body of a refusal as application/problem+json; None when allowed."""
    requests: tuple[_Packed, ...]
    """What was asked for, for a refund."""

    def __bool__(self) -> bool:
        return self.allowed

    @property
    def retry_after(self) -> float:
        """Seconds until all could be had: 0.0 when allowed, infinity when no waiting helps."""
        return float("inf") if self.retry_after_us < 0 else self.retry_after_us / 1_000_000


def pack(requests: Iterable[Request], cost: int) -> tuple[_Packed, ...]:
    """The requests as the library reads them."""
    defaults = (None, None, cost)
    packed = []
    for request in requests:
        parts = (request,) if isinstance(request, str) else tuple(request)
        if not 1 <= len(parts) <= 3:
            raise TypeError("a request is a limit, a subject and perhaps a cost")
        packed.append(parts + defaults[len(parts):])
    return tuple(packed)  # type: ignore[arg-type]


def _decide(function: Any, session: Any, requests: tuple[_Packed, ...]) -> Decision:
    states, decision = function(session, requests)
    allowed, decided_index, is_never, retry_after_us, token = decision
    answer = (requests, states)
    lines = _n.rate_headers(session, answer, decision).splitlines()
    problem = None if allowed else json.loads(_n.rate_problem(session, answer, decision))
    return Decision(
        allowed=allowed,
        decided_index=decided_index,
        is_never=is_never,
        retry_after_us=retry_after_us,
        token=None if token is None else UUID(token),
        states=tuple(map(RateState._make, states)),
        headers=dict(line.split(": ", 1) for line in lines),
        problem=problem,
        requests=requests,
    )


def define(session: Any, limits: Iterable[Limit]) -> None:
    _n.rate_define(session, [
        (x.name, x.scope, x.burst, x.count, to_us(x.period), x.ipv4_prefix, x.ipv6_prefix)
        for x in limits])


def remove(session: Any, name: str) -> None:
    _n.rate_remove(session, name)


def take(session: Any, requests: tuple[_Packed, ...]) -> Decision:
    return _decide(_n.rate_take, session, requests)


def peek(session: Any, requests: tuple[_Packed, ...]) -> Decision:
    return _decide(_n.rate_peek, session, requests)


def refund(session: Any, decision: Decision | UUID, requests: tuple[_Packed, ...]) -> None:
    token = decision.token if isinstance(decision, Decision) else decision
    if isinstance(decision, Decision) and not requests:
        requests = decision.requests
    _n.rate_refund(session, str(token or UUID(int=0)), requests)


def reset(session: Any, requests: tuple[_Packed, ...]) -> None:
    _n.rate_reset(session, requests)


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

    def take(self, *requests: Request, cost: int = 1) -> Decision:
        """Take from limits, all or none; ``cost`` is for those that name none of their own."""
        return self._run(take, pack(requests, cost))

    def peek(self, *requests: Request, cost: int = 1) -> Decision:
        """What take() would answer now."""
        return self._run(peek, pack(requests, cost))

    def refund(self, decision: Decision | UUID, *requests: Request, cost: int = 1) -> None:
        """Give back what a decision took; without requests, all of it. A token needs requests."""
        self._run(refund, decision, pack(requests, cost))

    def reset(self, *requests: Request) -> None:
        """Fill buckets again. Only the service may."""
        self._run(reset, pack(requests, 0))
