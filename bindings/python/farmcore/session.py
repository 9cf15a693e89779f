"""Sessions: where a call gets one, and how it is made ready. Nothing here is for applications."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any, Concatenate, NamedTuple, ParamSpec, Protocol, TypeVar

from . import _native as _n
from .times import Seconds, timeout_us

P = ParamSpec("P")
T = TypeVar("T")


class Run(Protocol):
    """Call a function with a session that is ready, and with the arguments."""

    def __call__(self, act: Callable[Concatenate[Any, P], T], *arguments: P.args,
                 **named: P.kwargs) -> T: ...


class Scope(NamedTuple):
    """On whose behalf, and for how long."""

    actor: str | None = None
    is_service: bool = False
    timeout_us: int = 0
    """0: the store's."""

    def acting(self, actor: str | None) -> Scope:
        return self._replace(actor=actor, is_service=False)

    def serving(self) -> Scope:
        return self._replace(actor=None, is_service=True)

    def within(self, timeout: Seconds | None) -> Scope:
        return self._replace(timeout_us=timeout_us(timeout))


def apply(session: Any, scope: Scope) -> None:
    if scope.is_service:
        _n.session_set_service(session)
    else:
        _n.session_set_actor(session, scope.actor)
    _n.session_set_timeout_us(session, scope.timeout_us)


class Pool:
    """The store's pool: each call takes a session out of it and gives it back."""

    __slots__ = ("_handle", "backend", "wait_us", "frozen_us")

    def __init__(self, uri: str, pool: tuple[int, int],
                 session: tuple[int, int, str | None, str | None], wait_us: int) -> None:
        self._handle = _n.pool_new()
        _n.pool_open(self._handle, uri, (pool, session))
        scheme = uri.partition(":")[0]
        self.backend = "postgresql" if scheme == "postgres" else scheme
        self.wait_us = wait_us
        self.frozen_us = -1

    def close(self) -> None:
        _n.close(self._handle)

    def acquire(self, scope: Scope) -> Any:
        session = _n.pool_acquire(self._handle, scope.timeout_us or self.wait_us)
        try:
            apply(session, scope)
            if self.frozen_us >= 0:
                _n.session_set_clock_us(session, self.frozen_us)
        except BaseException:
            _n.close(session)
            raise
        return session

    def wait(self, items: list[tuple[str, str, int]], timeout_us: int) -> list[int]:
        versions: list[int] = _n.wait(self._handle, items, timeout_us)
        return versions

    def run(self, scope: Scope, act: Callable[Concatenate[Any, P], T], *arguments: P.args,
            **named: P.kwargs) -> T:
        session = self.acquire(scope)
        try:
            return act(session, *arguments, **named)
        finally:
            _n.close(session)


class Pinned:
    """The one session of a transaction."""

    __slots__ = ("handle", "backend", "_scope")

    def __init__(self, handle: Any, pool: Pool, scope: Scope) -> None:
        self.handle = handle
        self.backend = pool.backend
        self._scope: Scope | None = scope

    def run(self, scope: Scope, act: Callable[Concatenate[Any, P], T], *arguments: P.args,
            **named: P.kwargs) -> T:
        if scope != self._scope:
            self._scope = None  # one that fails may have been applied in part
            apply(self.handle, scope)
            self._scope = scope
        return act(self.handle, *arguments, **named)
