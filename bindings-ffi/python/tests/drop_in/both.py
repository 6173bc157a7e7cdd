"""A connection of the standard module and one of ours, with the same operations on both."""

from __future__ import annotations

import sqlite3
from typing import Any, Callable

from ubiqlite.aiosqlite._connection import Connection

__all__ = ["Both", "same"]

Both = tuple[sqlite3.Connection, Connection]


def same(both: Both, do: Callable[[Any], Any]) -> Any:
    """Runs ``do`` on each connection, and returns its outcome, which must be the same for both."""
    told = []
    for connection in both:
        try:
            told.append(do(connection))
        except Exception as error:
            told.append((type(error), str(error)))
    assert told[1] == told[0]
    return told[1]
