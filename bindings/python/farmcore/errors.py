"""What a call raises: one class for each status, each a FarmError."""
from __future__ import annotations

from enum import IntEnum

from . import _native as _n


class Status(IntEnum):
    """The statuses of the library; what each says to do is in docs/errors.md."""

    OK = 0
    ENOMEM = 1
    EINVAL = 2
    ENOTFOUND = 3
    EEXISTS = 4
    ECONFLICT = 5
    EREFUSED = 6
    EAGAIN = 7
    ETIMEOUT = 8
    EUNAVAILABLE = 9
    EUNCERTAIN = 10
    EDENIED = 11
    EREADONLY = 12
    EFULL = 13
    ECORRUPT = 14
    EUNSUPPORTED = 15
    EINTERNAL = 16


class FarmError(Exception):
    """A call that failed. Test the class, ``code`` or ``reason``; the text is for people."""

    status: int
    """The status as a number: a ``Status``."""
    reason: int
    """The module's reason, such as ``RoleReason.LAST_OWNER``; 0 when the status says it all."""
    code: str
    """The status by name, such as "FARM_EDENIED"."""
    retryable: bool
    """Whether the same call, repeated with the same ids, may succeed."""

    def __init__(self, text: str, status: int = Status.EINTERNAL, reason: int = 0) -> None:
        super().__init__(text)
        self.status = status
        self.reason = reason
        self.code = _n.status_name(status)
        self.retryable = bool(_n.status_is_retryable(status))

    def __reduce__(self) -> tuple[type[FarmError], tuple[str, int, int]]:
        return type(self), (str(self), self.status, self.reason)


class OutOfMemoryError(FarmError, MemoryError):
    """ENOMEM: nothing was changed."""


class InvalidError(FarmError, ValueError):
    """EINVAL: the call is wrong, in an argument or in the state that it was made in."""


class NotFoundError(FarmError, LookupError):
    """ENOTFOUND: there is none, or it is not for this actor to know."""


class ExistsError(FarmError):
    """EEXISTS: already there with other fields."""


class ConflictError(FarmError):
    """ECONFLICT: something else changed first; read again, then decide."""


class RefusedError(FarmError):
    """EREFUSED: a rule of the product says no."""


class BusyError(FarmError):
    """EAGAIN: the same call may succeed later."""


class TimedOutError(FarmError, TimeoutError):
    """ETIMEOUT: the time was over, or the call was interrupted."""


class UnavailableError(FarmError, ConnectionError):
    """EUNAVAILABLE: the store cannot be reached."""


class UncertainError(FarmError):
    """EUNCERTAIN: the answer to a commit was lost; repeat with the same id."""


class DeniedError(FarmError, PermissionError):
    """EDENIED: this actor may not."""


class ReadOnlyError(FarmError):
    """EREADONLY: the store takes no writes."""


class FullError(FarmError):
    """EFULL: the store has no room."""


class CorruptError(FarmError):
    """ECORRUPT: the store's data is damaged or is not ours."""


class UnsupportedError(FarmError, NotImplementedError):
    """EUNSUPPORTED: newer or other than this library can handle."""


class InternalError(FarmError, RuntimeError):
    """EINTERNAL: a defect of the library."""


_CLASSES: dict[int, type[FarmError]] = {
    Status.ENOMEM: OutOfMemoryError,
    Status.EINVAL: InvalidError,
    Status.ENOTFOUND: NotFoundError,
    Status.EEXISTS: ExistsError,
    Status.ECONFLICT: ConflictError,
    Status.EREFUSED: RefusedError,
    Status.EAGAIN: BusyError,
    Status.ETIMEOUT: TimedOutError,
    Status.EUNAVAILABLE: UnavailableError,
    Status.EUNCERTAIN: UncertainError,
    Status.EDENIED: DeniedError,
    Status.EREADONLY: ReadOnlyError,
    Status.EFULL: FullError,
    Status.ECORRUPT: CorruptError,
    Status.EUNSUPPORTED: UnsupportedError,
    Status.EINTERNAL: InternalError,
}


def make(status: int, reason: int, text: str) -> FarmError:
    """The exception of a status: what the generated wrapper raises."""
    return _CLASSES.get(status, FarmError)(text, status, reason)


_n.set_error_maker(make)
