"""Others on the loop get their turn, though nothing has to be waited for."""

from __future__ import annotations

import types
from collections.abc import Generator
from time import monotonic

NOW_AND_THEN = 255
"""Of so many calls less one, which may all be answered at once, one lets others on the loop have a turn before it."""

_TURN = 0.0005
"""Seconds that a loop over rows that are there may keep the event loop, a page more or less."""

_ROUNDS = 3
"""Rounds of the event loop after which whoever slept has run.

Behind whoever lets others have their turn, the loop first looks at its timers; then the timer tells the
future, and then the future wakes its task.
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
            for _ in range(_ROUNDS):
                await pause()
            self._since = monotonic()
