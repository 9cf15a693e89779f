"""Idempotency keys: see include/farmcore/idempotency.h for what each call promises."""
from __future__ import annotations

from enum import IntEnum
from typing import Any

from . import _native as _n
from .session import Run
from .times import Seconds, seconds, to_us

Bytes = bytes | bytearray | memoryview


class Outcome(IntEnum):
    """What begin() found."""

    EXECUTE = 1
    REPLAY = 2
    IN_PROGRESS = 3
    MISMATCH = 4


class IdempotencyReason(IntEnum):
    """Why a call was turned down: ``FarmError.reason``."""

    LOST = 1
    NOT_CLAIMED = 2
    STEP_BACK = 3
    TOO_LARGE = 4


class Found:
    """What begin() found, and the claim when the outcome is EXECUTE."""

    __slots__ = ("_handle", "outcome", "step", "code", "data", "retry_after_us")

    outcome: Outcome
    step: int
    """The last step recorded, by this claim too."""
    code: int
    """REPLAY: the code of the answer."""
    data: bytes | None
    """REPLAY: the answer; EXECUTE: what the last step before this begin recorded."""
    retry_after_us: int
    """IN_PROGRESS: microseconds until the other caller's claim ends."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle
        self.outcome = Outcome(_n.idempotency_outcome(handle))
        self.step = _n.idempotency_step(handle)
        self.code = _n.idempotency_code(handle)
        self.data = _n.idempotency_data(handle)
        self.retry_after_us = _n.idempotency_retry_after_us(handle)

    @property
    def retry_after(self) -> float:
        """IN_PROGRESS: seconds until the other caller's claim ends."""
        return seconds(self.retry_after_us)


def begin(session: Any, owner: str, key: str, operation: str, data: Bytes,
          lock: Seconds | None, retention: Seconds | None) -> Any:
    options = tuple(0 if span is None else to_us(span) for span in (lock, retention))
    return _n.idempotency_begin(session, owner, key, operation, data, options)


def advance(session: Any, claim: Found, step: int, data: Bytes) -> None:
    _n.idempotency_advance(session, claim._handle, step, data)
    claim.step = _n.idempotency_step(claim._handle)


def finish(session: Any, claim: Found, code: int, data: Bytes) -> None:
    _n.idempotency_finish(session, claim._handle, code, data)


def release(session: Any, claim: Found) -> None:
    _n.idempotency_release(session, claim._handle)


class Claim(Found):
    """What begin() found. With the outcome EXECUTE: do the work from ``step``, then finish()."""

    __slots__ = ("_run",)

    def __init__(self, handle: Any, run: Run) -> None:
        super().__init__(handle)
        self._run = run

    def advance(self, step: int, data: Bytes = b"") -> None:
        """Record how far the work came, with what the next step needs; renew the claim."""
        self._run(advance, self, step, data)

    def finish(self, code: int, data: Bytes = b"") -> None:
        """Record the answer: from now on the key replays it."""
        self._run(finish, self, code, data)

    def release(self) -> None:
        """Give the claim up, so that the next caller may execute at once."""
        self._run(release, self)


class Idempotency:
    """The idempotency keys of a store, for whom the view that it belongs to acts."""

    __slots__ = ("_run",)

    def __init__(self, run: Run) -> None:
        self._run = run

    def begin(self, owner: str, key: str, operation: str, data: Bytes = b"", *,
              lock: Seconds | None = None, retention: Seconds | None = None) -> Claim:
        """Claim a key, or learn what became of it. ``data`` is the request, the same for each
        repeat; ``lock`` is how long the claim is held (60 s), ``retention`` how long the answer is
        kept (72 h)."""
        handle = self._run(begin, owner, key, operation, data, lock, retention)
        return Claim(handle, self._run)
