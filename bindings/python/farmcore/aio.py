"""The same store for asyncio: the same names, awaitable, on a small pool of threads.

There are as many threads as sessions and who finds no session waits in the event loop, so that a
transaction never waits for a thread. A task that is cancelled interrupts its call, and goes on when
the call has ended.
"""
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cached_property, partial
from time import monotonic
from types import TracebackType
from typing import Any, Concatenate, Protocol
from uuid import UUID

from . import _native as _n
from . import idempotency as _idempotency
from . import rate as _rate
from . import roles as _roles
from . import store as _store
from .errors import BusyError, FarmError, InvalidError, Status
from .idempotency import Bytes, Found
from .rate import Decision, Limit, Override, Request, pack
from .roles import Grant, Operation, Role
from .session import P, Pinned, Pool, Scope, T
from .store import Maintenance, Row, Value
from .times import Moment, Seconds, clock_us

DEFAULT_SESSIONS = 8
INTERRUPT_SECONDS = 0.01


class _Run(Protocol):
    async def __call__(self, act: Callable[Concatenate[Any, P], T], *arguments: P.args,
                       **named: P.kwargs) -> T: ...


class _Source(Protocol):
    @property
    def backend(self) -> str: ...

    async def run(self, scope: Scope, act: Callable[Concatenate[Any, P], T], *arguments: P.args,
                  **named: P.kwargs) -> T: ...


class _Threads:
    """The store's pool, a thread for each session, and the queue for them."""

    def __init__(self, pool: Pool, count: int) -> None:
        self.pool = pool
        self.backend = pool.backend
        self._count = count
        self._executor = ThreadPoolExecutor(count, "farmcore")
        self._free = asyncio.Semaphore(count)
        self._held_count = 0
        self._is_closed = False

    async def enter(self, scope: Scope) -> None:
        """Wait for the right to a session, as long as the scope allows."""
        limit_us = scope.timeout_us or self.pool.wait_us
        try:
            await asyncio.wait_for(self._free.acquire(), None if limit_us < 0 else limit_us / 1e6)
        except asyncio.TimeoutError:
            raise BusyError(f"all {self._count} sessions of the store were in use for "
                            f"{limit_us / 1000:g} ms", Status.EAGAIN) from None
        if self._is_closed:
            self._free.release()
            raise InvalidError("the store is closed", Status.EINVAL)
        self._held_count += 1

    def leave(self) -> None:
        self._held_count -= 1
        self._free.release()
        self._end_threads()

    async def close(self) -> None:
        self._is_closed = True
        await asyncio.get_running_loop().run_in_executor(None, self.pool.close)
        self._end_threads()

    def _end_threads(self) -> None:
        """A transaction that was open when the store closed still needs them."""
        if self._is_closed and self._held_count == 0:
            self._executor.shutdown(wait=False)

    async def call(self, work: Callable[[], T], running: list[Any]) -> T:
        """Run on a thread; when the task is cancelled, interrupt and wait for the end."""
        future = asyncio.get_running_loop().run_in_executor(self._executor, work)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            while not future.done():
                with suppress(FarmError):
                    for session in running:
                        _n.session_interrupt(session)
                # The call may not have begun: then the interruption was for nothing.
                with suppress(asyncio.CancelledError):
                    await asyncio.wait([future], timeout=INTERRUPT_SECONDS)
            with suppress(BaseException):
                future.result()
            raise

    async def run(self, scope: Scope, act: Callable[Concatenate[Any, P], T], *arguments: P.args,
                  **named: P.kwargs) -> T:
        running: list[Any] = []

        def work() -> T:
            session = self.pool.acquire(scope)
            running.append(session)
            try:
                return act(session, *arguments, **named)
            finally:
                running.clear()
                _n.close(session)

        await self.enter(scope)
        try:
            return await self.call(work, running)
        finally:
            self.leave()


class _PinnedThreads:
    """The one session of a transaction; its calls run one after another."""

    def __init__(self, threads: _Threads, pinned: Pinned) -> None:
        self._threads = threads
        self._turn = asyncio.Lock()
        self.backend = threads.backend
        self.pinned = pinned

    async def run(self, scope: Scope, act: Callable[Concatenate[Any, P], T], *arguments: P.args,
                  **named: P.kwargs) -> T:
        async with self._turn:
            return await self._threads.call(
                lambda: self.pinned.run(scope, act, *arguments, **named), [self.pinned.handle])


class Rate:
    """farmcore.rate.Rate, awaitable."""

    def __init__(self, run: _Run) -> None:
        self._run = run

    async def define(self, limits: Iterable[Limit]) -> None:
        await self._run(_rate.define, limits)

    async def remove(self, name: str) -> None:
        await self._run(_rate.remove, name)

    async def set_shadow(self, is_shadow: bool) -> None:
        await self._run(_rate.set_shadow, is_shadow)

    async def override(self, overrides: Iterable[Override]) -> None:
        await self._run(_rate.override, overrides)

    async def remove_override(self, limit: str, subject: str) -> None:
        await self._run(_rate.remove_override, limit, subject)

    async def take(self, *requests: Request, cost: int = 1, force: bool = False) -> Decision:
        return await self._run(_rate.take, pack(requests, cost, force))

    async def peek(self, *requests: Request, cost: int = 1) -> Decision:
        return await self._run(_rate.peek, pack(requests, cost))

    async def refund(self, decision: Decision | UUID, *requests: Request, cost: int = 1) -> None:
        await self._run(_rate.refund, decision, pack(requests, cost))

    async def release(self, decision: Decision | UUID, *requests: Request) -> None:
        await self._run(_rate.release, decision, pack(requests, 0))

    async def renew(self, decision: Decision | UUID, *requests: Request) -> None:
        await self._run(_rate.renew, decision, pack(requests, 0))

    async def reset(self, *requests: Request) -> None:
        await self._run(_rate.reset, pack(requests, 0))


class Claim(Found):
    """farmcore.idempotency.Claim, awaitable."""

    __slots__ = ("_run",)

    def __init__(self, handle: Any, run: _Run) -> None:
        super().__init__(handle)
        self._run = run

    async def advance(self, step: int, data: Bytes = b"") -> None:
        await self._run(_idempotency.advance, self, step, data)

    async def finish(self, code: int, data: Bytes = b"") -> None:
        await self._run(_idempotency.finish, self, code, data)

    async def release(self) -> None:
        await self._run(_idempotency.release, self)


class Idempotency:
    """farmcore.idempotency.Idempotency, awaitable."""

    def __init__(self, run: _Run) -> None:
        self._run = run

    async def begin(self, owner: str, key: str, operation: str, data: Bytes = b"", *,
                    lock: Seconds | None = None, retention: Seconds | None = None) -> Claim:
        handle = await self._run(_idempotency.begin, owner, key, operation, data, lock, retention)
        return Claim(handle, self._run)


class Roles:
    """farmcore.roles.Roles, awaitable."""

    def __init__(self, run: _Run) -> None:
        self._run = run

    async def found(self, entity: str, owner: str) -> None:
        await self._run(_roles.found, entity, owner)

    async def grant(self, entity: str, subject: str, role: Role,
                    expires: Moment | None = None) -> None:
        await self._run(_roles.grant, entity, subject, role, expires)

    async def revoke(self, entity: str, subject: str, role: Role) -> None:
        await self._run(_roles.revoke, entity, subject, role)

    async def check(self, entity: str, operation: Operation) -> None:
        await self._run(_roles.check, entity, operation)

    async def check_many(self, questions: Iterable[tuple[str, Operation]]) -> list[bool]:
        return await self._run(_roles.check_many, questions)

    async def list(self, entity: str, *, capacity: int = _roles.PAGE) -> AsyncIterator[Grant]:
        last: Grant | None = None
        while True:
            rows = await self._run(_roles.page, entity, last, capacity)
            for row in rows:
                yield row
            if len(rows) < capacity:
                return
            last = rows[-1]


class View:
    """farmcore.View, awaitable."""

    _source: _Source
    _scope: Scope

    def __init__(self, source: _Source, scope: Scope) -> None:
        self._source = source
        self._scope = scope

    @cached_property
    def _run(self) -> _Run:
        return partial(self._source.run, self._scope)

    @cached_property
    def rate(self) -> Rate:
        return Rate(self._run)

    @cached_property
    def idempotency(self) -> Idempotency:
        return Idempotency(self._run)

    @cached_property
    def roles(self) -> Roles:
        return Roles(self._run)

    def acting(self, actor: str | None) -> View:
        return View(self._source, self._scope.acting(actor))

    @property
    def service(self) -> View:
        return View(self._source, self._scope.serving())

    def within(self, timeout: Seconds) -> View:
        return View(self._source, self._scope.within(timeout))

    def transaction(self, *, actor: str | None = None, service: bool = False,
                    timeout: Seconds | None = None) -> Transaction:
        if not isinstance(self._source, _Threads):
            raise RuntimeError("transactions do not nest")
        return Transaction(self._source,
                           _store.transaction_scope(self._scope, actor, service, timeout))

    async def execute(self, statement: str, parameters: Iterable[Value] = ()) -> list[Row]:
        return await self._run(_store.execute, statement, parameters)

    async def migrate(self) -> None:
        await self._run(_store.migrate)

    async def health(self, timeout: Seconds | None = None) -> dict[str, Any]:
        begun = monotonic()
        try:
            return await self._run(_store.health, timeout)
        except FarmError as error:
            return _store.down(error, self._source.backend, begun)

    async def verify(self) -> dict[str, Any]:
        return await self._run(_store.verify)

    async def maintain(self, budget: int) -> Maintenance:
        return await self._run(_store.maintain, budget)

    async def now_us(self) -> int:
        return await self._run(_store.now_us)

    async def new_id(self) -> UUID:
        return await self._run(_store.new_id)


class Transaction(View):
    """farmcore.Transaction, for an ``async with`` statement."""

    def __init__(self, threads: _Threads, scope: Scope) -> None:
        self._threads = threads
        self._scope = scope

    async def __aenter__(self) -> Transaction:
        running: list[Any] = []

        def begin() -> Any:
            session = self._threads.pool.acquire(self._scope)
            running.append(session)
            try:
                _n.begin(session)
            except BaseException:
                _n.close(session)
                raise
            return session

        await self._threads.enter(self._scope)
        try:
            session = await self._threads.call(begin, running)
        except BaseException:
            for lost in running:
                _n.close(lost)
            self._threads.leave()
            raise
        pinned = Pinned(session, self._threads.pool, self._scope)
        self._source = _PinnedThreads(self._threads, pinned)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        session = self._session

        def end() -> None:
            try:
                (_n.commit if kind is None else _n.rollback)(session)
            finally:
                _n.close(session)

        try:
            await self._threads.call(end, [])
        finally:
            self._threads.leave()

    @property
    def _session(self) -> Any:
        source = self._source
        assert isinstance(source, _PinnedThreads)
        return source.pinned.handle

    def freeze_clock(self, moment: Moment | None) -> None:
        _n.session_set_clock_us(self._session, clock_us(moment))

    def interrupt(self) -> None:
        _n.session_interrupt(self._session)


class Store(View):
    """farmcore.Store, for an ``async with`` statement, or with open() and close()."""

    def __init__(self, uri: str, *, sessions: int = DEFAULT_SESSIONS, **options: Any) -> None:
        self._count = sessions or DEFAULT_SESSIONS
        self._open_pool = partial(_store.open_pool, uri, sessions=self._count, **options)
        self._scope = Scope(options.get("actor"))
        self._threads: _Threads | None = None

    @property
    def _source(self) -> _Threads:  # type: ignore[override]
        if self._threads is None:
            raise InvalidError("the store is not open", Status.EINVAL)
        return self._threads

    async def open(self) -> Store:
        """Connect. The options are those of farmcore.Store."""
        if self._threads is not None:
            raise InvalidError("the store is open already", Status.EINVAL)
        pool = await asyncio.get_running_loop().run_in_executor(None, self._open_pool)
        self._threads = _Threads(pool, self._count)
        return self

    async def close(self) -> None:
        """Close; calls that run finish first. Idempotent."""
        if self._threads is not None:
            await self._threads.close()

    async def __aenter__(self) -> Store:
        return await self.open()

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def freeze_clock(self, moment: Moment | None) -> None:
        self._source.pool.frozen_us = clock_us(moment)
