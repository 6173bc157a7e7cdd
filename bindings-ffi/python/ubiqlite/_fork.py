"""A forked child has the memory of an open database and none of its threads.

SQLite forbids to carry a connection into a child, and locks that the parent's
threads held at the fork would be waited for without end. So a child that was forked
while a database was open can't use the library at all, and is told so; it can be
started by ``multiprocessing``'s ``spawn`` or ``forkserver``, or fork while nothing is
open.
"""

from __future__ import annotations

import os
import weakref
from typing import Any, Protocol

from .errors import Unsupported

_MESSAGE = (
    "this process was forked while a database was open, and a connection can't be carried into a child: "
    "fork while all are closed, or start it by 'spawn'"
)


class Forgets(Protocol):
    """What belongs to the parent."""

    @property
    def in_use(self) -> bool:
        """Whether it has something of the library's."""
        ...

    def forget(self) -> None:
        """Touches nothing of the library from now on."""


_ours: weakref.WeakSet[Any] = weakref.WeakSet()
_forked = False


def belongs(thing: Forgets) -> None:
    """Has ``thing`` forgotten in a child."""
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
    for thing in list(_ours):
        if thing.in_use:
            _forked = True
            thing.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
