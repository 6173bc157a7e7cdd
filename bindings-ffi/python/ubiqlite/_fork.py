"""A forked child has the memory of an open database and none of its threads.

SQLite forbids to carry a connection into a child, and locks that the parent's
threads held at the fork would be waited for without end. So a child that was forked
after the first database was opened can't use the library at all, and is told so; it
can be started by ``multiprocessing``'s ``spawn`` or ``forkserver``, or fork before
anything is opened.
"""

from __future__ import annotations

import os
import weakref
from typing import Any, Protocol

from .errors import Unsupported

_MESSAGE = (
    "this process was forked after a database was opened, and a connection can't be carried into a child: "
    "open it in the child before anything else, or start it by 'spawn'"
)


class Forgets(Protocol):
    """What belongs to the parent."""

    def forget(self) -> None:
        """Touches nothing of the library from now on."""


_ours: weakref.WeakSet[Any] = weakref.WeakSet()
_used = False
_forked = False


def belongs(thing: Forgets) -> None:
    """Has ``thing`` forgotten in a child."""
    global _used
    _used = True
    _ours.add(thing)


def check() -> None:
    """Raises ``Unsupported`` in a child that must not use the library."""
    if _forked:
        raise refused()


def refused() -> Unsupported:
    """What a child is told."""
    return Unsupported(_MESSAGE)


def _in_child() -> None:
    global _forked
    if _used:
        _forked = True
        for thing in list(_ours):
            thing.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
