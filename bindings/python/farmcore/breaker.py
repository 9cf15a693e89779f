"""Circuit breakers: see include/farmcore/breaker.h for what each call promises. Nothing here waits,
so that all of it is for threads and for event loops alike."""
from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple, TypeVar

from . import _native as _n
from .errors import FarmError
from .times import Moment, Seconds, clock_us, seconds, to_us

F = TypeVar("F", bound=Callable[..., Any])


class BreakerState(IntEnum):
    """The states."""

    CLOSED = 0
    OPEN = 1
    HALF_OPEN = 2
    FORCED_OPEN = 3
    FORCED_CLOSED = 4

    def __str__(self) -> str:
        return str(_n.breaker_state_name(self))


class CallOutcome(IntEnum):
    """How a call ended."""

    SUCCESS = 1
    FAILURE = 2
    EXCLUDED = 3
    """It says nothing of the other side."""


class BreakerCause(IntEnum):
    """Why a state changed."""

    CONSECUTIVE = 1
    FAILURES = 2
    SLOW = 3
    TIME = 4
    PROBE_FAILED = 5
    PROBED = 6
    MANUAL = 7


@dataclass(frozen=True)
class BreakerOptions:
    """When a breaker opens and for how long; 0 is the default of breaker.h everywhere."""

    consecutive_count: int = 0
    """Failures in a row that open it: 5; -1: never."""
    failure_percent: int = 0
    """Of the calls in the window: 50; -1: never."""
    slow_percent: int = 0
    """Likewise of slow calls: 50."""
    minimum_count: int = 0
    """Calls in the window before a percentage counts: 20."""
    bucket_count: int = 0
    """The window moves on by a bucket: 10."""
    window_count: int = 0
    """The window is so many calls rather than a span of time."""
    probe_count: int = 0
    """Half-open: probes at once, and successes that close it: 3."""
    jitter_percent: int = 0
    """An open time is shorter by up to this part, at random: 20; -1: none."""
    window: Seconds = 0
    """10 s."""
    slow: Seconds = 0
    """A call that takes longer is slow; 0: none is."""
    open: Seconds = 0
    """The first open time, doubled each time that probes fail: 5 s."""
    open_max: Seconds = 0
    """The longest: 60 s."""
    probe: Seconds = 0
    """A probe that is not reported for so long gives its place back: 30 s."""

    def pack(self) -> tuple[int, ...]:
        """As the wrapper reads it."""
        return (self.consecutive_count, self.failure_percent, self.slow_percent,
                self.minimum_count, self.bucket_count, self.window_count, self.probe_count,
                self.jitter_percent, to_us(self.window), to_us(self.slow), to_us(self.open),
                to_us(self.open_max), to_us(self.probe))


class Permit(NamedTuple):
    """Whether to make a call; true when it is allowed. Report it then, once."""

    allowed: bool
    state: BreakerState
    retry_after_us: int
    """Denied: when to ask again; -1: not before somebody sets the state; 0 when allowed."""
    place: int
    started_us: int
    generation: int
    probe: int

    def __bool__(self) -> bool:
        return self.allowed

    @property
    def retry_after(self) -> float:
        """The same in seconds; infinity for -1."""
        return seconds(self.retry_after_us)


class BreakerView(NamedTuple):
    """A breaker as it is now; of counts, those in the window of the closed state."""

    key: str
    state: BreakerState
    retry_after_us: int
    generation: int
    call_count: int
    failure_count: int
    timed_count: int
    slow_count: int
    consecutive_count: int
    probe_count: int
    opened_count: int
    denied_count: int
    ignored_count: int


class BreakerEvent(NamedTuple):
    """A change of state."""

    sequence: int
    key: str
    before: BreakerState
    after: BreakerState
    cause: BreakerCause
    at_us: int
    generation: int
    lost_count: int
    """Events before this one that are no more."""


class BreakerOpenError(Exception):
    """The call was denied and not made: the breaker is open."""

    def __init__(self, key: str, permit: Permit) -> None:
        super().__init__(f"the breaker {key!r} is {permit.state}")
        self.key = key
        self.permit = permit

    @property
    def retry_after(self) -> float:
        """Seconds until it is worth while to ask again."""
        return self.permit.retry_after

    def __reduce__(self) -> tuple[type[BreakerOpenError], tuple[str, Permit]]:
        return type(self), (self.key, self.permit)


def outcome_of(error: BaseException) -> CallOutcome:
    """What an exception says of the other side: a FarmError what its status says, any other
    Exception a failure; what is none (a task cancelled, an interrupt) says nothing."""
    if isinstance(error, FarmError):
        return CallOutcome(_n.breaker_outcome(error.status))
    return CallOutcome.FAILURE if isinstance(error, Exception) else CallOutcome.EXCLUDED


def _view(row: tuple[Any, ...]) -> BreakerView:
    return BreakerView(row[0], BreakerState(row[1]), *row[2:])


class Breaker:
    """One name's breaker. As a decorator it guards a function, a coroutine's too; with call() a
    block. Both report by ``outcome_of``, or by what was given for it."""

    __slots__ = ("_handle", "key", "_outcome_of")

    def __init__(self, handle: Any, key: str,
                 outcome: Callable[[BaseException], CallOutcome]) -> None:
        self._handle = handle
        self.key = key
        self._outcome_of = outcome

    def allow(self) -> Permit:
        """Ask whether to make a call, now. An allowed one is to be reported."""
        allowed, state, *rest = _n.breaker_allow(self._handle, self.key)
        return Permit(allowed, BreakerState(state), *rest)

    def report(self, permit: Permit, outcome: CallOutcome, duration: Seconds | None = None) -> None:
        """Say how the call ended; without a duration it is measured from the permit."""
        _n.breaker_report(self._handle, tuple(permit), outcome,
                          -1 if duration is None else to_us(duration))

    @contextmanager
    def call(self) -> Iterator[Permit]:
        """Guard a block; raise BreakerOpenError when it is denied."""
        permit = self.allow()
        if not permit:
            raise BreakerOpenError(self.key, permit)
        outcome = CallOutcome.SUCCESS
        try:
            yield permit
        except BaseException as error:
            # Whatever the host's function answers or raises, the permit is reported.
            outcome = CallOutcome.EXCLUDED
            outcome = self._outcome_of(error)
            raise
        finally:
            self.report(permit, outcome)

    def __call__(self, function: F) -> F:
        if inspect.iscoroutinefunction(function):
            @functools.wraps(function)
            async def guarded(*arguments: Any, **named: Any) -> Any:
                with self.call():
                    return await function(*arguments, **named)
        else:
            @functools.wraps(function)
            def guarded(*arguments: Any, **named: Any) -> Any:
                with self.call():
                    return function(*arguments, **named)
        return guarded  # type: ignore[return-value]

    def look(self) -> BreakerView:
        """The breaker as it is now."""
        return _view(_n.breaker_look(self._handle, self.key))

    def set(self, state: BreakerState) -> None:
        """Set a state by hand: CLOSED resets; OPEN, FORCED_OPEN, FORCED_CLOSED."""
        _n.breaker_set(self._handle, self.key, state)


class Breakers:
    """A set of named breakers, bounded in number, for every thread and task of the process."""

    __slots__ = ("_handle", "_max_count")

    def __init__(self, options: BreakerOptions = BreakerOptions(), *, max_count: int = 256,
                 event_count: int = 256) -> None:
        self._handle = _n.breakers_new(((max_count, event_count), options.pack()))
        self._max_count = max_count

    def __getitem__(self, key: str) -> Breaker:
        return Breaker(self._handle, key, outcome_of)

    def get(self, key: str, options: BreakerOptions | None = None, *,
            outcome: Callable[[BaseException], CallOutcome] = outcome_of) -> Breaker:
        """A name's breaker, with options of its own and what its exceptions mean. ExistsError: the
        name is in use with other options."""
        if options is not None:
            _n.breaker_define(self._handle, key, options.pack())
        return Breaker(self._handle, key, outcome)

    def __iter__(self) -> Iterator[BreakerView]:
        """All breakers that were used or defined."""
        return iter([_view(row) for row in _n.breaker_list(self._handle, self._max_count)])

    def events(self, after: int = 0, *, capacity: int = 256) -> list[BreakerEvent]:
        """The changes of state after the one of that sequence."""
        return [BreakerEvent(sequence, key, BreakerState(before), BreakerState(to),
                             BreakerCause(cause), *rest)
                for sequence, key, before, to, cause, *rest
                in _n.breaker_events(self._handle, after, capacity)]

    def freeze_clock(self, moment: Moment | None) -> None:
        """Freeze the clock for tests; None lets it run again."""
        _n.breakers_set_clock_us(self._handle, clock_us(moment))

    def close(self) -> None:
        """Free it; calls that run finish first, later ones fail. Idempotent."""
        _n.close(self._handle)

    def __enter__(self) -> Breakers:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
