"""Personal data and secrets taken out of texts and JSON: see include/farmcore/redact.h and
docs/redact.md."""
from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import Any

from . import _native as _n


class RedactRules(IntFlag):
    """What is looked for; 0 stands for the default ones."""

    EMAIL = 1 << 0
    IPV4 = 1 << 1
    IPV6 = 1 << 2
    CARD = 1 << 3
    IBAN = 1 << 4
    SSN = 1 << 5
    PEM = 1 << 6
    URL_AUTH = 1 << 7
    USER_PATH = 1 << 8
    TOKEN = 1 << 9
    PASSWORD = 1 << 10
    MAC = 1 << 11
    UUID = 1 << 12
    IMEI = 1 << 13


class RedactAction(IntEnum):
    """What is put in the place of what is found."""

    REPLACE = 0
    MASK = 1
    HASH = 2
    REMOVE = 3


ROOM = 64
DEFAULT = RedactRules(0)


def text(data: str, *, rules: RedactRules = DEFAULT,
         action: RedactAction = RedactAction.REPLACE, key: bytes = bytes(32)) -> str:
    """The text without what the rules find; ``key``: 32 bytes, of hashes."""
    return _whole(_n.redact_text, (rules, action, None, key), data)


def json(data: str, *, rules: RedactRules = DEFAULT,
         action: RedactAction = RedactAction.REPLACE, safe_fields: str | None = None,
         key: bytes = bytes(32)) -> str:
    """The same of JSON. The values of ``safe_fields``, keys separated by commas, are left alone.
    What is no JSON is an InvalidError."""
    return _whole(_n.redact_json, (rules, action, safe_fields, key), data)


def _whole(function: Any, options: tuple[Any, ...], data: str) -> str:
    given = data.encode("utf-8", "surrogateescape")
    found, size = function(options, given, 2 * len(given) + ROOM)
    if size > len(found):
        found, size = function(options, given, size)
    return str(found, "utf-8", "surrogateescape")
