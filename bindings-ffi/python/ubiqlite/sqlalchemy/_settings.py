"""How a connection is opened and set up: the arguments that ``sqlite3.connect`` does not have."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from time import monotonic
from typing import Any, Callable, Optional
from urllib.parse import urlsplit

from sqlalchemy import exc
from sqlalchemy.util import asbool

from ..aiosqlite.core import Connection

__all__ = ["NAMES", "Settings", "settings_of"]

_AGAIN = 0.01
"""Seconds between two tries to change the journal mode, for whose lock SQLite does not wait."""


def _autocommit(value: Any) -> Any:
    # A number is `sqlite3.LEGACY_TRANSACTION_CONTROL`.
    return value if isinstance(value, int) else bool(asbool(value))


def _one_of(*words: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        word = str(value).lower()
        if word not in words:
            raise ValueError(f"it is one of {', '.join(words)}")
        return word

    return read


_FOR_SQLITE3: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "busy_timeout": ("timeout", float),
    "statement_cache": ("cached_statements", int),
    "autocommit": ("autocommit", _autocommit),
}
_FOR_THE_FILE: Mapping[str, Callable[[Any], Any]] = {"read_only": asbool, "create": asbool}
_PRAGMAS: Mapping[str, Callable[[Any], str]] = {
    "synchronous": _one_of("off", "normal", "full", "extra"),
    "foreign_keys": lambda value: "ON" if asbool(value) else "OFF",
    "trusted_schema": lambda value: "ON" if asbool(value) else "OFF",
    "cache_kib": lambda value: str(-int(value)),
}
_JOURNAL_MODE = _one_of("wal", "delete", "truncate", "persist", "memory")

NAMES = (*_FOR_SQLITE3, *_FOR_THE_FILE, *_PRAGMAS, "journal_mode")


class Settings:
    """What is done with a connection that ``sqlite3`` has no argument for."""

    def __init__(self, mode: Optional[str], pragmas: list[str], journal_mode: Optional[str], autocommit: Any) -> None:
        self.mode = mode
        self.pragmas = pragmas
        self.journal_mode = journal_mode
        # Set last: it may begin a transaction, in which settings can't be changed.
        self.autocommit = autocommit

    def is_any(self) -> bool:
        """Returns whether there is anything to be done once the connection is open."""
        return bool(self.pragmas) or self.journal_mode is not None or self.autocommit is not None

    def place(self, database: str, **named: Any) -> tuple[str, dict[str, Any]]:
        """Returns the database and the other arguments, so that the file is opened as it is to be."""
        if self.mode is None:
            return database, named
        if named.get("uri"):
            separator = "&" if urlsplit(database).query else "?"
            return f"{database}{separator}mode={self.mode}", named
        if database in ("", ":memory:"):
            raise exc.ArgumentError("a database in memory is always created, and always written")
        return f"{Path(database).absolute().as_uri()}?mode={self.mode}", {**named, "uri": True}

    async def apply(self, connection: Connection, timeout: float) -> None:
        """Sets up a connection, and closes it if that fails."""
        try:
            if self.pragmas:
                await connection.executescript(";".join(self.pragmas))
            if self.journal_mode is not None:
                await _switch(connection, self.journal_mode, monotonic() + timeout)
            if self.autocommit is not None:
                await connection._drive(connection._conn.steps_autocommit(self.autocommit))
        except BaseException:
            await asyncio.shield(connection.close())
            raise


async def _switch(connection: Connection, wanted: str, until: float) -> None:
    mode = await _answer(connection, "PRAGMA main.journal_mode")
    # One in memory has no other.
    while mode not in (wanted, "memory"):
        try:
            mode = await _answer(connection, f"PRAGMA main.journal_mode = {wanted}")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or monotonic() > until:
                raise
        else:
            if mode != wanted:
                raise sqlite3.OperationalError(f"the journal mode stays {mode}: it can't be {wanted}")
            return
        await asyncio.sleep(_AGAIN)
        # Another connection may have done it.
        mode = await _answer(connection, "PRAGMA main.journal_mode")


async def _answer(connection: Connection, sql: str) -> str:
    rows = await connection.execute_fetchall(sql)
    return str(rows[0][0])


def settings_of(named: dict[str, Any]) -> Settings:
    """Takes from the arguments those that ``sqlite3.connect`` does not have, and translates its own.

    Raises ``ArgumentError`` for a value that can't be used.
    """
    for name, (theirs, read) in _FOR_SQLITE3.items():
        if name in named:
            if theirs != name and theirs in named:
                raise exc.ArgumentError(f"{name} is {theirs} by another name: give one of them")
            named[theirs] = _read(name, read, named.pop(name))
    taken = {name: _read(name, read, named.pop(name)) for name, read in _FOR_THE_FILE.items() if name in named}
    mode = "ro" if taken.get("read_only") else None if taken.get("create", True) else "rw"
    pragmas = []
    for name, read in _PRAGMAS.items():
        if name in named:
            pragma = "cache_size" if name == "cache_kib" else name
            pragmas.append(f"PRAGMA {pragma} = {_read(name, read, named.pop(name))}")
    journal_mode = named.pop("journal_mode", None)
    if journal_mode is not None:
        journal_mode = _read("journal_mode", _JOURNAL_MODE, journal_mode)
    return Settings(mode, pragmas, journal_mode, named.pop("autocommit", None))


def _read(name: str, read: Callable[[Any], Any], value: Any) -> Any:
    try:
        return read(value)
    except (TypeError, ValueError) as error:
        raise exc.ArgumentError(f"{name} can't be {value!r}: {error}") from None
