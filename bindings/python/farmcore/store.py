"""The store, views of it, and transactions."""
from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cached_property, partial
from time import monotonic
from types import TracebackType
from typing import Any, NamedTuple
from uuid import UUID

from . import _native as _n
from .errors import FarmError, Status
from .idempotency import Idempotency
from .ledger import Ledger
from .rate import Rate
from .roles import Roles
from .session import Pinned, Pool, Run, Scope
from .times import Moment, Seconds, clock_us, timeout_us
from .topics import Seen, TopicLike, Watch, signal

Value = int | str | bytes | None
Row = tuple[Value, ...]

VERSION = f"{_n.VERSION_MAJOR}.{_n.VERSION_MINOR}.{_n.VERSION_PATCH}"
DEFAULT_TIMEOUT_US = 30_000_000


class Maintenance(NamedTuple):
    """What maintain() did."""

    is_done: bool
    """Nothing is left for now."""
    removed_count: int


def execute(session: Any, statement: str, parameters: Iterable[Value]) -> list[Row]:
    rows: list[Row] = _n.session_execute(session, statement, parameters)
    return rows


def migrate(session: Any) -> None:
    _n.migrate(session)


def health(session: Any, timeout: Seconds | None) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_n.health(session, timeout_us(timeout)))
    return found


def down(error: FarmError, backend: str, begun: float) -> dict[str, Any]:
    """What health() answers when there is no session to ask with. As in farm_health(), what is
    wrong with the call itself stays an error."""
    if error.status in (Status.EINVAL, Status.ENOMEM):
        raise error
    return {"ok": False, "latency_ms": (monotonic() - begun) * 1000, "version": VERSION,
            "backend": backend, "schema": 0, "error": str(error), "status": error.code}


def verify(session: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_n.verify(session))
    return found


def maintain(session: Any, budget: int) -> Maintenance:
    return Maintenance._make(_n.maintain(session, budget))


def now_us(session: Any) -> int:
    now: int = _n.session_now_us(session)
    return now


def new_id(session: Any) -> UUID:
    return UUID(_n.id_new(session))


def open_pool(uri: str, *, actor: str | None = None, space: str | None = None,
              timeout: Seconds | None = None, tries: int = 0, sessions: int = 0,
              idle: Seconds | None = None) -> Pool:
    wait_us = timeout_us(timeout)
    return Pool(uri, (sessions, timeout_us(idle)), (tries, wait_us, actor, space),
                wait_us or DEFAULT_TIMEOUT_US)


def transaction_scope(scope: Scope, actor: str | None, service: bool,
                      timeout: Seconds | None) -> Scope:
    """A view's scope, but for what the transaction was given."""
    if actor is not None or service:
        scope = scope._replace(actor=actor, is_service=service)
    return scope if timeout is None else scope.within(timeout)


class View:
    """A store as one actor sees it. Views are cheap, and may be kept."""

    def __init__(self, source: Pool | Pinned, scope: Scope) -> None:
        self._source = source
        self._scope = scope

    @cached_property
    def _run(self) -> Run:
        return partial(self._source.run, self._scope)

    @cached_property
    def rate(self) -> Rate:
        """Rate limits."""
        return Rate(self._run)

    @cached_property
    def idempotency(self) -> Idempotency:
        """Idempotency keys."""
        return Idempotency(self._run)

    @cached_property
    def roles(self) -> Roles:
        """Who may do what."""
        return Roles(self._run)

    @cached_property
    def ledger(self) -> Ledger:
        """Accounts, and the money that moves between them."""
        return Ledger(self._run)

    def acting(self, actor: str | None) -> View:
        """The same on behalf of a user; None: of nobody."""
        return View(self._source, self._scope.acting(actor))

    @property
    def service(self) -> View:
        """The same as the service itself, which sees and may do everything."""
        return View(self._source, self._scope.serving())

    def within(self, timeout: Seconds) -> View:
        """The same with a time limit for each call, retries and waiting included."""
        return View(self._source, self._scope.within(timeout))

    def transaction(self, *, actor: str | None = None, service: bool = False,
                    timeout: Seconds | None = None) -> Transaction:
        """A transaction, for a ``with`` statement: committed at its end, rolled back when an
        exception leaves it. Without arguments it acts as the view does."""
        if not isinstance(self._source, Pool):
            raise RuntimeError("transactions do not nest")
        return Transaction(self._source, transaction_scope(self._scope, actor, service, timeout))

    def execute(self, statement: str, parameters: Iterable[Value] = ()) -> list[Row]:
        """One statement of your own; ?1, ?2 … on SQLite, $1, $2 … on Postgres."""
        return self._run(execute, statement, parameters)

    def migrate(self) -> None:
        """Bring the store's schema up to this library."""
        self._run(migrate)

    def health(self, timeout: Seconds | None = None) -> dict[str, Any]:
        """Whether the store answers within the gate (0.5 s), for any transport's /health. A store
        that is down is an answer, too."""
        begun = monotonic()
        try:
            return self._run(health, timeout)
        except FarmError as error:
            return down(error, self._source.backend, begun)

    def verify(self) -> dict[str, Any]:
        """Recompute from the rows what must never be false. Only the service may."""
        return self._run(verify)

    def maintain(self, budget: int) -> Maintenance:
        """Remove up to ``budget`` expired rows. Only the service may."""
        return self._run(maintain, budget)

    def signal(self, *topics: TopicLike) -> None:
        """Say that topics, (owner, name), changed: who watches them learns of it at the commit."""
        self._run(signal, topics)

    def now_us(self) -> int:
        """The store's time in microseconds since 1970 UTC."""
        return self._run(now_us)

    def new_id(self) -> UUID:
        """A UUIDv7, greater than every one that this process made before."""
        return self._run(new_id)


class Store(View):
    """An open store, for any number of threads. Close it, or use it in a ``with`` statement.

    ``uri``: "sqlite:shop.db", "sqlite::memory:", "postgresql://user@host/database".
    ``actor``: on whose behalf, when no view says; nobody.
    ``space``: the owner of definitions such as limits.
    ``timeout``: for connecting and for each call; 30 s.
    ``tries``: how often to try what meets EAGAIN; 8.
    ``sessions``: connections at most; 8.
    ``idle``: a connection unused for longer is checked before it is used; 10 s.
    """

    _source: Pool

    def __init__(self, uri: str, *, actor: str | None = None, space: str | None = None,
                 timeout: Seconds | None = None, tries: int = 0, sessions: int = 0,
                 idle: Seconds | None = None) -> None:
        pool = open_pool(uri, actor=actor, space=space, timeout=timeout, tries=tries,
                         sessions=sessions, idle=idle)
        super().__init__(pool, Scope(actor))

    def close(self) -> None:
        """Close; calls that run on other threads finish first. Idempotent."""
        self._source.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def watch(self, *topics: TopicLike) -> Watch:
        """Topics to wait for; each (owner, name). The service's: the host decides who may."""
        return Watch(Seen(self._source.wait, topics))

    def freeze_clock(self, moment: Moment | None) -> None:
        """Freeze the clock of every session handed out from now on; None lets it run again."""
        self._source.frozen_us = clock_us(moment)


class Transaction(View):
    """One session, pinned, with a transaction that every call joins. For one thread at a time."""

    def __init__(self, pool: Pool, scope: Scope) -> None:
        self._pool = pool
        self._scope = scope

    def __enter__(self) -> Transaction:
        session = self._pool.acquire(self._scope)
        try:
            _n.begin(session)
        except BaseException:
            _n.close(session)
            raise
        self._source = Pinned(session, self._pool, self._scope)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        session = self._session
        try:
            if kind is None:
                _n.commit(session)
            else:
                _n.rollback(session)
        finally:
            _n.close(session)

    @property
    def _session(self) -> Any:
        source = self._source
        assert isinstance(source, Pinned)
        return source.handle

    def freeze_clock(self, moment: Moment | None) -> None:
        """Freeze the transaction's clock; None lets it run again."""
        _n.session_set_clock_us(self._session, clock_us(moment))

    def interrupt(self) -> None:
        """Make the call that runs on another thread, if any, end with TimedOutError."""
        _n.session_interrupt(self._session)
