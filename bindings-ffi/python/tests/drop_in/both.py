"""A connection of the standard module's and one of ours, to which the same is done."""

from __future__ import annotations

import sqlite3
from typing import Any, Callable

from ubiqlite.aiosqlite._connection import Connection

__all__ = ["Both", "same"]

Both = tuple[sqlite3.Connection, Connection]


def same(both: Both, do: Callable[[Any], Any]) -> Any:
    """Does the same with each; what comes of it, which is equal."""
    told = []
    for connection in both:
        try:
            told.append(do(connection))
        except Exception as error:
            told.append((type(error), str(error)))
    assert told[1] == told[0]
    return told[1]
