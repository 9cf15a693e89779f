"""Who may do what for an entity: see include/farmcore/roles.h for what each call promises."""
from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import IntEnum
from typing import Any, NamedTuple

from . import _native as _n
from .errors import Status
from .session import Run
from .times import Moment, moment_us

PAGE = 200
"""How many grants list() reads at once."""


class Role(IntEnum):
    """The roles."""

    OWNER = 1
    MANAGER = 2
    MEMBER = 3
    VIEWER = 4
    SERVICE = 5

    def allows(self, operation: Operation) -> bool:
        """Whether the role allows the operation."""
        return bool(_n.role_allows(self, operation))

    def __str__(self) -> str:
        return str(_n.role_name(self))


class Operation(IntEnum):
    """What may be done for an entity."""

    READ = 1
    WRITE = 2
    MANAGE = 3
    EXPORT = 4
    PAY = 5
    REFUND = 6
    CLOSE = 7
    GRANT = 8

    def __str__(self) -> str:
        return str(_n.role_operation_name(self))


class RoleReason(IntEnum):
    """Why a call was turned down: ``FarmError.reason``."""

    NO_ROLE = 1
    NOT_ALLOWED = 2
    LAST_OWNER = 3
    OWNER_EXPIRES = 4
    UNKNOWN_ENTITY = 5


class Grant(NamedTuple):
    """Who has which role, until when (microseconds since 1970; 0: for good), since when."""

    subject: str
    role: Role
    expires_us: int
    granted_us: int
    granted_by: str
    """"" when the service granted it."""


def found(session: Any, entity: str, owner: str) -> None:
    _n.role_found(session, entity, owner)


def grant(session: Any, entity: str, subject: str, role: Role, expires: Moment | None) -> None:
    end = 0 if expires is None else moment_us(expires)
    _n.role_grant(session, entity, subject, role, end)


def revoke(session: Any, entity: str, subject: str, role: Role) -> None:
    _n.role_revoke(session, entity, subject, role)


def check(session: Any, entity: str, operation: Operation) -> None:
    _n.role_check(session, entity, operation)


def check_many(session: Any, questions: Iterable[tuple[str, Operation]]) -> list[bool]:
    return [status == Status.OK for status in _n.role_check_many(session, questions)]


def page(session: Any, entity: str, after: Grant | None, capacity: int) -> list[Grant]:
    subject, role = (None, 0) if after is None else (after.subject, after.role)
    rows = _n.role_list(session, entity, subject, role, capacity)
    return [Grant(row[0], Role(row[1]), *row[2:]) for row in rows]


class Roles:
    """The roles of a store, for whom the view that it belongs to acts."""

    __slots__ = ("_run",)

    def __init__(self, run: Run) -> None:
        self._run = run

    def found(self, entity: str, owner: str) -> None:
        """Found an entity with its first owner. Only the service may."""
        self._run(found, entity, owner)

    def grant(self, entity: str, subject: str, role: Role, expires: Moment | None = None) -> None:
        """Grant a role, or change until when it holds."""
        self._run(grant, entity, subject, role, expires)

    def revoke(self, entity: str, subject: str, role: Role) -> None:
        """Take a role away, effective with the next call of anyone."""
        self._run(revoke, entity, subject, role)

    def check(self, entity: str, operation: Operation) -> None:
        """Return when the actor may; raise DeniedError, with its reason, when he may not."""
        self._run(check, entity, operation)

    def check_many(self, questions: Iterable[tuple[str, Operation]]) -> list[bool]:
        """Whether the actor may, for many (entity, operation) in one round trip."""
        return self._run(check_many, questions)

    def list(self, entity: str, *, capacity: int = PAGE) -> Iterator[Grant]:
        """Who has which role, in the order of subject and role, read ``capacity`` at a time."""
        last: Grant | None = None
        while True:
            rows = self._run(page, entity, last, capacity)
            yield from rows
            if len(rows) < capacity:
                return
            last = rows[-1]
