"""What SQLAlchemy asks of a dialect."""

from __future__ import annotations

import math
import re
from typing import Any, Callable, Optional

from sqlalchemy import exc
from sqlalchemy.dialects.sqlite.aiosqlite import SQLiteDialect_aiosqlite
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import ConnectArgsType
from sqlalchemy.sql.compiler import InsertmanyvaluesSentinelOpts

from ._connection import Connection
from ._dbapi import Dbapi
from ._settings import NAMES, settings_of

__all__ = ["Dialect"]


class Dialect(SQLiteDialect_aiosqlite):
    """The dialect for SQLite through ubiqlite, for asyncio.

    An URL is ``sqlite+ubiqlite:///relative.db``, ``sqlite+ubiqlite:////absolute.db`` or ``sqlite+ubiqlite://`` for a
    database in memory. These arguments may follow, or be in ``connect_args``:

    - ``timeout``, also as ``busy_timeout``: seconds that a statement waits for a lock; then ``OperationalError``.
      Default: 5
    - ``cached_statements``, also as ``statement_cache``: how many compiled statements each connection keeps.
      Default: 128
    - ``isolation_level``: how a transaction begins before a change: ``DEFERRED``, ``IMMEDIATE`` or ``EXCLUSIVE``.
      Default: ``DEFERRED``
    - ``autocommit``: with ``false``, a transaction is always open, as in Python's documentation of ``sqlite3``; then
      savepoints and ``CREATE TABLE`` are rolled back with it. Default: transactions begin before the first change
    - ``detect_types``: as in ``sqlite3``. Default: 0
    - ``uri``: whether the database is a URI, as in ``file:app.db?mode=ro&uri=true``. Default: false
    - ``read_only``: opens for reading only; the file must exist. Default: false
    - ``create``: creates the file if it is missing. Default: true
    - ``journal_mode``: ``wal``, ``delete``, ``truncate``, ``persist`` or ``memory``. Default: the file's own
    - ``synchronous``: ``off``, ``normal``, ``full`` or ``extra``: when a commit waits for the disk. Default: ``full``
    - ``foreign_keys``: whether they are enforced. Default: false, as in SQLite
    - ``trusted_schema``: whether views and triggers may use any function. Default: true, as in SQLite
    - ``cache_kib``: the page cache of each connection, in KiB. Default: SQLite's 2000

    An argument that can't be used raises :class:`sqlalchemy.exc.ArgumentError`.
    """

    driver = "ubiqlite"
    supports_statement_cache = True
    # Releases of 2.0 before aiosqlite could stop a connection do without.
    has_terminate = True

    # In one INSERT with many rows, SQLite gives each row the greatest row id and one more, so that the ids have the
    # order of the rows: the ORM then inserts many objects with one statement. Its authors leave that out.
    insertmanyvalues_implicit_sentinel = InsertmanyvaluesSentinelOpts.AUTOINCREMENT

    @classmethod
    def import_dbapi(cls) -> Any:
        """Returns the DBAPI module that the dialect calls."""
        return Dbapi()

    @classmethod
    def load_provisioning(cls) -> None:
        """Provisions databases for SQLAlchemy's own tests the way the SQLite dialect does."""
        SQLiteDialect_aiosqlite.load_provisioning()  # type: ignore[no-untyped-call]

    def create_connect_args(self, url: URL) -> ConnectArgsType:
        """Returns the arguments of ``connect()``."""
        own = {name: url.query[name] for name in NAMES if name in url.query}
        for name, value in own.items():
            if not isinstance(value, str):
                raise exc.ArgumentError(f"{name} is given more than once")
        positional, named = super().create_connect_args(url.difference_update_query(NAMES))
        named = {**named, **own}
        # Refused where the engine is made, not where it connects.
        settings_of(dict(named))
        return positional, named

    def do_terminate(self, dbapi_connection: Any) -> None:
        """Closes a connection that may be in use."""
        dbapi_connection.terminate()

    def on_connect(self) -> Callable[[Any], None]:
        """Returns what gives a new connection the functions of SQLAlchemy's SQLite."""

        def connect(connection: Connection) -> None:
            connection.add_functions(_FUNCTIONS)

        return connect

    def set_isolation_level(self, dbapi_connection: Any, level: Any) -> None:
        """Sets whether each statement is committed by itself (``AUTOCOMMIT``), or what reads may see."""
        if dbapi_connection.follows_autocommit:
            # `isolation_level` has no effect then.
            dbapi_connection.autocommit = level == "AUTOCOMMIT"
            if level == "AUTOCOMMIT":
                return
        super().set_isolation_level(dbapi_connection, level)

    def detect_autocommit_setting(self, dbapi_conn: Any) -> bool:
        """Returns whether each statement is committed by itself."""
        if dbapi_conn.follows_autocommit:
            return bool(dbapi_conn.autocommit)
        return bool(dbapi_conn.isolation_level is None)


def _regexp(pattern: str, text: Optional[str]) -> Optional[bool]:
    return None if text is None else re.search(pattern, text) is not None


_FUNCTIONS: dict[tuple[str, int], Callable[..., Any]] = {("regexp", 2): _regexp, ("floor", 1): math.floor}
