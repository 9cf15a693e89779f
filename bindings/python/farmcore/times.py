"""Seconds, as Python counts them, and the library's microseconds."""
from __future__ import annotations

from datetime import datetime, timedelta, timezone

Seconds = int | float | timedelta
"""A span of time. An int and a timedelta are exact; a float is rounded to a microsecond."""

Moment = int | datetime
"""A point in time: a datetime with a time zone, or microseconds since 1970 UTC."""

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)


def to_us(seconds: Seconds) -> int:
    """A span in microseconds."""
    if isinstance(seconds, timedelta):
        return seconds // _MICROSECOND
    if isinstance(seconds, int):
        return seconds * 1_000_000
    return round(seconds * 1_000_000)


def seconds(us: int) -> float:
    """The library's microseconds until something; -1 is never, and infinity."""
    return float("inf") if us < 0 else us / 1_000_000


def timeout_us(seconds: Seconds | None) -> int:
    """A time limit: none given is the default, and the library's 0; infinity is no limit."""
    if seconds is None:
        return 0
    if seconds == float("inf"):
        return -1
    return max(1, to_us(seconds))


def moment_us(moment: Moment) -> int:
    """A point in time in microseconds since 1970."""
    if isinstance(moment, datetime):
        return (moment - _EPOCH) // _MICROSECOND
    return moment


def clock_us(moment: Moment | None) -> int:
    """What to freeze a clock at; none given lets it run, and is the library's -1."""
    return -1 if moment is None else moment_us(moment)
