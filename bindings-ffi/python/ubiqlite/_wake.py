"""How a loop learns that there is something to do: by a file descriptor, or by a thread if it takes none."""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from typing import Any, Callable, Optional

from . import _library

Stop = Callable[[], None]


def on_descriptor(loop: asyncio.AbstractEventLoop, descriptor: int, ready: Callable[[], object]) -> Optional[Stop]:
    """Calls ``ready`` while the descriptor is readable. Returns what stops that, or ``None`` if this loop can't."""
    if descriptor < 0:
        return None
    # The loop gets its own: the owner may close the other before the loop has forgotten it,
    # and its number could then be another file's.
    own = os.dup(descriptor)
    try:
        loop.add_reader(own, ready)
    except NotImplementedError:
        os.close(own)
        return None
    return _Reader(loop, own).stop


class _Reader:
    """A descriptor that a loop watches."""

    def __init__(self, loop: asyncio.AbstractEventLoop, descriptor: int) -> None:
        self._loop = loop
        self._descriptor = descriptor

    def stop(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor < 0:
            return
        if not self._loop.is_closed():
            self._loop.remove_reader(descriptor)
        os.close(descriptor)


def by_thread(loop: asyncio.AbstractEventLoop, client: int, ready: Any) -> Stop:
    """Calls ``ready``, a bound method, when there is something to take, until the client is released.

    ``ready`` returns whether more may be available at once.
    """
    method = weakref.WeakMethod(ready)
    gone = threading.Event()

    def watch() -> None:
        taken = threading.Event()

        def take() -> None:
            call = method()
            if call is not None and not gone.is_set() and call():
                # On the loop itself: while the loop is busy, this thread waits for the GIL at each turn.
                loop.call_soon(take)
            else:
                taken.set()

        while _library.wait(client, -1) == 1 and not gone.is_set():
            taken.clear()
            try:
                loop.call_soon_threadsafe(take)
            except RuntimeError:
                # The loop is closed, and nobody is waiting.
                return
            while not taken.wait(1.0):
                if gone.is_set() or loop.is_closed():
                    return

    threading.Thread(target=watch, name="ubiqlite", daemon=True).start()
    return gone.set
