"""``import ubiqlite.aiosqlite as aiosqlite``: code written for ``aiosqlite`` runs on ubiqlite.

The classes, their methods and their behavior are those of ``aiosqlite`` 0.22, and the
rules are those of the standard ``sqlite3`` module: transactions begin implicitly,
``rowcount`` and ``lastrowid`` mean the same as there, rows are tuples or
``sqlite3.Row``, and errors are the exceptions of ``sqlite3``. The implementation
differs: a short statement completes within the call, without a thread, and rows
arrive many at a time::

    import ubiqlite.aiosqlite as aiosqlite

    async with aiosqlite.connect("app.db") as db:
        db.row_factory = aiosqlite.Row
        await db.execute("INSERT INTO items (name) VALUES (?)", ("lamp",))
        await db.commit()
        async with db.execute("SELECT * FROM items") as cursor:
            async for row in cursor:
                print(row["name"])

For a library that imports ``aiosqlite`` by name, :func:`install` substitutes this package.

New code should prefer :func:`ubiqlite.open`: it has a pool, group commit, streams, and
transactions that no other task can slip into.
"""

from __future__ import annotations

from sqlite3 import (
    DatabaseError,
    DataError,
    Error,
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    Warning,  # noqa: A004
    paramstyle,
    register_adapter,
    register_converter,
)

from ._engine import sqlite_version, sqlite_version_info
from ._shim import install
from ._values import Row
from .core import Connection, connect
from .cursor import Cursor

__version__ = "0.22.1"
"""The version of ``aiosqlite`` whose API this is."""

__all__ = [
    "Connection",
    "Cursor",
    "DataError",
    "DatabaseError",
    "Error",
    "IntegrityError",
    "InterfaceError",
    "InternalError",
    "NotSupportedError",
    "OperationalError",
    "ProgrammingError",
    "Row",
    "Warning",
    "__version__",
    "connect",
    "install",
    "paramstyle",
    "register_adapter",
    "register_converter",
    "sqlite_version",
    "sqlite_version_info",
]
