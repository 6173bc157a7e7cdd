"""Protection of forked children, which have the memory of an open database and none of its threads.

SQLite forbids carrying a connection into a child, and the child would wait forever for
locks that the parent's threads held at the fork. So a child that was forked while a
database was open can't use the library at all, and gets an error that says so. Start
it with ``multiprocessing``'s ``spawn`` or ``forkserver``, or fork while nothing is open.
"""

from __future__ import annotations

import os
import weakref
from typing import Any, Protocol

from .errors import Unsupported

_MESSAGE = (
    "this process was forked while a database was open, and a connection can't be carried into a child; "
    "fork while all databases are closed, or start it with 'spawn'"
)


class Forgets(Protocol):
    """An object that belongs to the parent."""

    @property
    def in_use(self) -> bool:
        """Whether it holds anything of the library."""
        ...

    def forget(self) -> None:
        """Stops all use of the library."""


_ours: weakref.WeakSet[Any] = weakref.WeakSet()
_forked = False


def belongs(thing: Forgets) -> None:
    """Registers ``thing``, so that a child calls its ``forget()``."""
    _ours.add(thing)


def check() -> None:
    """Raises ``Unsupported`` in a child that must not use the library."""
    if _forked:
        raise refused()


def refused() -> Unsupported:
    """Returns the error for such a child."""
    return Unsupported(_MESSAGE)


def _in_child() -> None:
    global _forked
    for thing in list(_ours):
        if thing.in_use:
            _forked = True
            thing.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
