"""Others on the loop get their turn, though nothing has to be waited for."""

from __future__ import annotations

import types
from collections.abc import Generator
from time import monotonic

NOW_AND_THEN = 255
"""Of so many calls less one, which may all be answered at once, one lets others on the loop have a turn before it."""

_TURN = 0.0005
"""Seconds that a loop over rows that are there may keep the event loop, a page more or less.

Whoever sleeps wakes two turns late at worst: one until its timer is looked at, and one until it runs.
"""


@types.coroutine
def pause() -> Generator[None, None, None]:
    """Lets the loop look after others."""
    yield


class Turn:
    """How long the loop has been kept."""

    __slots__ = ("_since",)

    def __init__(self) -> None:
        self._since = monotonic()

    async def over(self) -> None:
        """Lets the loop look after others, if it was kept for long."""
        if monotonic() - self._since > _TURN:
            await pause()
            self._since = monotonic()
