"""Rate limits in the process: see include/farmcore/rate_local.h and docs/rate_local.md. A take
never waits, so that all of it is for threads and for event loops alike."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from . import _native as _n
from .rate import (Decision, Limit, Override, Request, decision_of, given_back, pack, pack_limits,
                   pack_overrides)
from .times import Moment, clock_us


def _load(session: Any, handle: Any) -> None:
    _n.rate_local_load(session, handle)


class RateLocal:
    """Limits counted in memory, for every thread and task of the process, with the rules and
    answers of a store's. What it counts is forgotten when it is closed."""

    __slots__ = ("_handle",)

    def __init__(self, limits: Iterable[Limit] = (), *, buckets: int = 0) -> None:
        """``buckets``: for how many subjects there is room; 0: 65,536, about 200 bytes each."""
        self._handle = _n.rate_local_new((buckets,))
        given = list(limits)
        if given:
            self.define(given)

    def define(self, limits: Iterable[Limit]) -> None:
        """Define limits or change them, all or none."""
        _n.rate_local_define(self._handle, pack_limits(limits))

    def remove(self, name: str) -> None:
        """Forget a limit."""
        _n.rate_local_remove(self._handle, name)

    def override(self, overrides: Iterable[Override]) -> None:
        """Give subjects figures of their own, exempt or ban them."""
        _n.rate_local_override_put(self._handle, pack_overrides(overrides))

    def remove_override(self, limit: str, subject: str) -> None:
        """Leave a subject to the limit itself again."""
        _n.rate_local_override_remove(self._handle, pack_overrides([Override(limit, subject)]))

    def load(self, view: Any) -> Any:
        """Take over all limits of a store's space, from a view of it such as ``store.service``. A
        view of ``farmcore.aio`` answers what is to be awaited."""
        return view.rate._run(_load, self._handle)

    def _decide(self, function: Any, requests: tuple[Any, ...]) -> Decision:
        return decision_of(requests, function(self._handle, requests), _n.rate_local_headers,
                           _n.rate_local_legacy_headers, _n.rate_local_problem)

    def allows(self, *requests: Request, cost: int = 1, force: bool = False) -> bool:
        """take() for who only wants to know whether: without the texts for HTTP it is faster."""
        return bool(_n.rate_local_take(self._handle, pack(requests, cost, force))[1][0])

    def take(self, *requests: Request, cost: int = 1, force: bool = False) -> Decision:
        """Take from limits, all or none, as Rate.take()."""
        return self._decide(_n.rate_local_take, pack(requests, cost, force))

    def peek(self, *requests: Request, cost: int = 1) -> Decision:
        """What take() would answer now."""
        return self._decide(_n.rate_local_peek, pack(requests, cost))

    def refund(self, decision: Decision | UUID, *requests: Request, cost: int = 1) -> None:
        """Give back what a decision took; without requests, all of it. A token needs requests."""
        _n.rate_local_refund(self._handle, *given_back(decision, pack(requests, cost)))

    def release(self, decision: Decision | UUID, *requests: Request) -> None:
        """End the holds of a decision; without requests, all of them."""
        _n.rate_local_release(self._handle, *given_back(decision, pack(requests, 0)))

    def renew(self, decision: Decision | UUID, *requests: Request) -> None:
        """Let the holds of a decision last for their limits' period from now on."""
        _n.rate_local_renew(self._handle, *given_back(decision, pack(requests, 0)))

    def reset(self, *requests: Request) -> None:
        """Fill buckets again."""
        _n.rate_local_reset(self._handle, pack(requests, 0))

    def freeze_clock(self, moment: Moment | None) -> None:
        """Freeze the clock for tests; None lets it run again."""
        _n.rate_local_set_clock_us(self._handle, clock_us(moment))

    def close(self) -> None:
        """Free it; calls that run finish first, later ones fail. Idempotent."""
        _n.close(self._handle)

    def __enter__(self) -> RateLocal:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
