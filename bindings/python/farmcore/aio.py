"""The same store for asyncio: the same names, awaitable, on a small pool of threads.

There are as many threads as sessions and who finds no session waits in the event loop, so that a
transaction never waits for a thread. A task that is cancelled interrupts its call, and goes on when
the call has ended.
"""
from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cached_property, partial
from queue import SimpleQueue
from threading import Lock, Thread
from time import monotonic
from types import TracebackType
from typing import Any, Concatenate, Protocol
from uuid import UUID

from . import _native as _n
from . import store as _store
from . import topics as _topics
from .aio_modules import Claim as Claim
from .aio_modules import Idempotency, Ledger, Rate, Roles, Run
from .errors import BusyError, FarmError, InvalidError, Status
from .session import P, Pinned, Pool, Scope, T
from .store import Maintenance, Row, Value
from .times import Moment, Seconds, clock_us, timeout_us
from .topics import SLICE_US, Seen, Topic, TopicLike

DEFAULT_SESSIONS = 8
WAITERS = 64
INTERRUPT_SECONDS = 0.01


class _Source(Protocol):
    @property
    def backend(self) -> str: ...

    async def run(self, scope: Scope, act: Callable[Concatenate[Any, P], T], *arguments: P.args,
                  **named: P.kwargs) -> T: ...


class _Call:
    """A call on its way to a thread and back."""

    __slots__ = ("work", "future", "ended", "is_ended", "result", "error")

    def __init__(self, work: Callable[[], Any], future: asyncio.Future[None]) -> None:
        self.work = work
        self.future = future
        self.ended: asyncio.Future[None] | None = None
        self.is_ended = False
        self.result: Any = None
        self.error: BaseException | None = None


class _Threads:
    """The store's pool, a thread for each session, and the queue for them.

    Calls go out through one queue and come back through one list, which wakes the loop once for all
    that have ended meanwhile; an executor of concurrent.futures wakes it for each, through two
    futures, and was measured at a third of the calls a second.
    """

    def __init__(self, pool: Pool, count: int) -> None:
        self.pool = pool
        self.backend = pool.backend
        self.count = count
        # Waits are long and use no session: they have threads of their own, made when needed.
        self._waiting = ThreadPoolExecutor(WAITERS, "farmcore-wait")
        self._free_count = count
        self._waiters: deque[asyncio.Future[bool]] = deque()
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[_Call | None] = SimpleQueue()
        self._lock = Lock()
        self._ended: list[_Call] = []
        self._thread_count = 0
        self._call_count = 0
        self._is_closed = False

    async def close(self) -> None:
        """Threads end with the calls that they have; a transaction's end still finds one."""
        self._is_closed = True
        await self._loop.run_in_executor(None, self.pool.close)
        for _ in range(self._thread_count):
            self._queue.put(None)
        self._thread_count = 0
        self._waiting.shutdown(wait=False)

    def _start(self, call: _Call) -> None:
        self._call_count += 1
        self._queue.put(call)
        if self._is_closed:
            self._queue.put(None)
        elif self._thread_count >= min(self._call_count, self.count):
            return
        else:
            self._thread_count += 1
        Thread(target=self._serve, name="farmcore", daemon=True).start()

    def _serve(self) -> None:
        while (call := self._queue.get()) is not None:
            try:
                call.result = call.work()
            except BaseException as error:
                call.error = error
            with self._lock:
                self._ended.append(call)
                is_first = len(self._ended) == 1
            if is_first:
                # The loop may be closed: then nobody waits any more.
                with suppress(RuntimeError):
                    self._loop.call_soon_threadsafe(self._collect)
            del call

    def _collect(self) -> None:
        with self._lock:
            calls, self._ended = self._ended, []
        for call in calls:
            self._call_count -= 1
            call.is_ended = True
            for future in (call.future, call.ended):
                if future is not None and not future.done():
                    future.set_result(None)

    async def enter(self, scope: Scope) -> None:
        """Wait for the right to a session, in the order of coming, as long as the scope allows."""
        if self._free_count > 0:
            self._free_count -= 1
            return
        limit_us = scope.timeout_us or self.pool.wait_us
        waiter = self._loop.create_future()
        self._waiters.append(waiter)
        late = None
        if limit_us >= 0:
            late = self._loop.call_later(limit_us / 1e6, self._give_up, waiter)
        try:
            is_served = await waiter
        except asyncio.CancelledError:
            if not waiter.cancelled() and waiter.result():
                self.leave()
            raise
        finally:
            if late is not None:
                late.cancel()
        if not is_served:
            raise BusyError(f"all {self.count} sessions of the store were in use for "
                            f"{limit_us / 1000:g} ms", Status.EAGAIN)

    @staticmethod
    def _give_up(waiter: asyncio.Future[bool]) -> None:
        if not waiter.done():
            waiter.set_result(False)

    def leave(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(True)
                return
        self._free_count += 1

    async def call(self, work: Callable[[], T], running: list[Any]) -> T:
        """Run on a thread; when the task is cancelled, interrupt and wait for the end."""
        call = _Call(work, self._loop.create_future())
        self._start(call)
        try:
            await call.future
        except asyncio.CancelledError:
            await self._end(call, running)
            raise
        if call.error is not None:
            try:
                raise call.error
            finally:
                del call
        result: T = call.result
        return result

    async def _end(self, call: _Call, running: list[Any]) -> None:
        while not call.is_ended:
            call.ended = self._loop.create_future()
            with suppress(FarmError):
                for session in running:
                    _n.session_interrupt(session)
            # The call may not have begun: then the interruption was for nothing.
            with suppress(asyncio.CancelledError):
                await asyncio.wait([call.ended], timeout=INTERRUPT_SECONDS)

    async def wait(self, ask: Callable[[int], list[int]], timeout_us: int) -> list[int]:
        if self._is_closed:
            raise InvalidError("the store is closed", Status.EINVAL)
        return await self._loop.run_in_executor(self._waiting, ask, timeout_us)

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


class View:
    """farmcore.View, awaitable."""

    _source: _Source
    _scope: Scope

    def __init__(self, source: _Source, scope: Scope) -> None:
        self._source = source
        self._scope = scope

    @cached_property
    def _run(self) -> Run:
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

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger(self._run)

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

    async def signal(self, *topics: TopicLike) -> None:
        await self._run(_topics.signal, topics)

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

        def begin() -> None:
            running.append(self._threads.pool.acquire(self._scope))
            _n.begin(running[0])

        await self._threads.enter(self._scope)
        try:
            await self._threads.call(begin, running)
        except BaseException:
            try:
                if running:  # a transaction that has begun is rolled back, on a thread
                    await self._threads.call(partial(_n.close, running[0]), [])
            finally:
                self._threads.leave()
            raise
        pinned = Pinned(running[0], self._threads.pool, self._scope)
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


class Watch:
    """farmcore.topics.Watch, awaitable. A task that is cancelled has lost nothing: the next wait
    answers what changed."""

    def __init__(self, threads: _Threads, seen: Seen) -> None:
        self._threads = threads
        self._seen = seen

    async def wait(self, timeout: Seconds | None = None) -> list[Topic]:
        until = self._seen.until(timeout)
        while True:
            left_us = self._seen.left_us(until)
            changed = self._seen.take(await self._threads.wait(self._seen.ask, left_us))
            if changed or left_us < SLICE_US:
                return changed


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

    def watch(self, *topics: TopicLike) -> Watch:
        return Watch(self._source, Seen(self._source.pool.wait, topics))

    async def __aenter__(self) -> Store:
        return await self.open()

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def freeze_clock(self, moment: Moment | None) -> None:
        self._source.pool.frozen_us = clock_us(moment)
