"""The module that SQLAlchemy takes for the database driver."""

from __future__ import annotations

import sqlite3
from types import ModuleType
from typing import Any

from sqlalchemy import exc
from sqlalchemy.util.concurrency import await_only

from .. import aiosqlite
from ..aiosqlite.core import Connection as DriverConnection
from ._connection import Connection
from ._settings import settings_of

__all__ = ["Dbapi"]


class _PoolsConnection(DriverConnection):
    """A connection that belongs to a pool, so that nobody need close it."""

    def __del__(self) -> None:
        if self.__dict__.get("_connection") is not None:
            self.stop()


class Dbapi:
    """Connects, and names what the standard ``sqlite3`` names: the errors are its classes."""

    paramstyle = "qmark"
    # What is there of `aiosqlite`, the dialect may use.
    has_stop = True
    aiosqlite = driver = aiosqlite
    sqlite = dbapi_module = sqlite3

    Binary = sqlite3.Binary
    DataError = sqlite3.DataError
    DatabaseError = sqlite3.DatabaseError
    Error = sqlite3.Error
    IntegrityError = sqlite3.IntegrityError
    InterfaceError = sqlite3.InterfaceError
    InternalError = sqlite3.InternalError
    NotSupportedError = sqlite3.NotSupportedError
    OperationalError = sqlite3.OperationalError
    PARSE_COLNAMES = sqlite3.PARSE_COLNAMES
    PARSE_DECLTYPES = sqlite3.PARSE_DECLTYPES
    ProgrammingError = sqlite3.ProgrammingError
    Warning = sqlite3.Warning
    sqlite_version = aiosqlite.sqlite_version
    sqlite_version_info = aiosqlite.sqlite_version_info

    @property
    def exceptions_module(self) -> ModuleType:
        """The module that has the errors."""
        return sqlite3

    def connect(self, *arguments: Any, **named: Any) -> Connection:
        """Opens a connection. Takes those of :func:`sqlite3.connect`, and those of :class:`Dialect`."""
        creator = named.pop("async_creator_fn", None)
        settings = settings_of(named)
        if creator is not None:
            connection = await_only(creator(*arguments, **named))
            if not isinstance(connection, DriverConnection):
                raise exc.InvalidRequestError("async_creator has to return a connection of ubiqlite.aiosqlite")
        else:
            database, named = settings.place(*arguments, **named)
            made = aiosqlite.connect(database, **named)
            connection = await_only(_PoolsConnection(made._connector, made._iter_chunk_size))
        if settings.is_any():
            await_only(settings.apply(connection, named.get("timeout", 5.0)))
        return Connection(self, connection)
