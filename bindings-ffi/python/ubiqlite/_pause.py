"""Gives other tasks on the loop a turn even when there is nothing to wait for."""

from __future__ import annotations

import types
from collections.abc import Generator
from time import monotonic

NOW_AND_THEN = 255
"""A mask: one in ``NOW_AND_THEN + 1`` calls, which may all complete at once, first gives other tasks a turn."""

_TURN = 0.0005
"""Seconds for which a loop over available rows may keep the event loop, give or take a page."""

_ROUNDS = 3
"""Rounds of the event loop after which a task whose sleep has ended has run.

After a task that gives up its turn, the loop first checks its timers; then the timer settles the
future, and then the future wakes its task.
"""


@types.coroutine
def pause() -> Generator[None, None, None]:
    """Gives the other tasks of the loop a turn."""
    yield


class Yielder:
    """Measures for how long the loop has been kept."""

    __slots__ = ("_since",)

    def __init__(self) -> None:
        self._since = monotonic()

    async def over(self) -> None:
        """Gives the other tasks of the loop a turn, if it was kept for long."""
        if monotonic() - self._since > _TURN:
            for _ in range(_ROUNDS):
                await pause()
            self._since = monotonic()
