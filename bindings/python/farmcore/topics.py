"""Topics: see include/farmcore/topic.h for what signals and waits promise."""
from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple, Union

from . import _native as _n
from .times import Seconds, to_us

SLICE_US = 1_000_000
"""A wait is cut into such, between which a signal of the system and the store's end are heard."""


class Topic(NamedTuple):
    """A topic of an owner's."""

    owner: str
    name: str


TopicLike = Union[Topic, tuple[str, str]]


def signal(session: Any, topics: tuple[TopicLike, ...]) -> None:
    _n.signal(session, [(owner, name, 0) for owner, name in topics])


class Seen:
    """The versions that were seen last, and how a wait goes on from them."""

    def __init__(self, ask: Callable[[list[tuple[str, str, int]], int], list[int]],
                 topics: tuple[TopicLike, ...]) -> None:
        self._ask = ask
        self._topics = [Topic(owner, name) for owner, name in topics]
        self._versions = [0] * len(topics)

    @staticmethod
    def until(timeout: Seconds | None) -> float:
        return float("inf") if timeout is None else time.monotonic() + to_us(timeout) / 1e6

    @staticmethod
    def left_us(until: float) -> int:
        """Of the wait, at most a slice."""
        left = until - time.monotonic()
        return SLICE_US if left * 1e6 >= SLICE_US else max(0, int(left * 1e6))

    def ask(self, timeout_us: int) -> list[int]:
        """One slice, on whatever thread."""
        items = [(*topic, seen) for topic, seen in zip(self._topics, self._versions)]
        return self._ask(items, timeout_us)

    def take(self, versions: list[int]) -> list[Topic]:
        """Those that changed; from here on they are seen."""
        changed = [topic for topic, old, new in zip(self._topics, self._versions, versions)
                   if old != new]
        self._versions = versions
        return changed


class Watch:
    """Topics that somebody waits for. For one thread at a time."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen

    def wait(self, timeout: Seconds | None = None) -> list[Topic]:
        """Wait until topics change, and answer which; nothing when the time is over. The first
        wait answers all at once: look at what is there, then wait again. None: no limit."""
        until = self._seen.until(timeout)
        while True:
            left_us = self._seen.left_us(until)
            changed = self._seen.take(self._seen.ask(left_us))
            if changed or left_us < SLICE_US:
                return changed
