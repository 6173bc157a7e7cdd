"""Opening a database."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Generator
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Literal, Optional, Union

from . import _fork, _library
from ._migration_files import MigrationFiles
from ._opening import settled
from ._paths import path_of
from ._recover import Recovered, recovered
from ._statement_log import log_statements as logging_of
from ._target import DatabaseTarget, TimeLimit, duration_of, millis
from .backup import content_of
from .database import Database
from .errors import Error, Internal, InvalidArgument
from .migrations import Migrations, Migrator, migrations_of
from .replicate import restore
from .storage import ReplicaStorage
from .trace import TraceListener

JournalMode = Literal["wal", "delete", "truncate", "persist", "memory"]
Synchronous = Literal["off", "normal", "full", "extra"]
Seconds = Union[float, timedelta]

_NOT_SETTINGS = ("path", "data", "migrations", "slow_statement", "log_statements")
_TIMES = ("busy_timeout", "acquire_timeout", "stall_timeout")


class Opening:
    """A database to open: by ``async with``, which closes it at the end, or by ``await``."""

    __slots__ = ("_content", "_database", "_log", "_migrations", "_options", "_path")

    def __init__(
        self,
        path: str,
        options: str,
        migrations: Optional[Migrations],
        log: Optional[TraceListener] = None,
        content: Optional[bytes] = None,
    ) -> None:
        self._path = path
        self._content = content
        self._options = options
        self._migrations = migrations
        self._log = log
        self._database: Optional[Database] = None

    def __await__(self) -> Generator[Any, Any, Database]:
        return self._open().__await__()

    async def __aenter__(self) -> Database:
        if self._database is not None:
            raise InvalidArgument("a database's block can be entered only once")
        self._database = await self._open()
        return self._database

    async def __aexit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        if self._database is not None:
            await self._database.close()

    async def _open(self) -> Database:
        _fork.check()
        if self._content is None:
            pending = _library.start_open(self._path, self._options)
        else:
            pending = _library.start_deserialize(self._content, self._options)
        engine = await settled(pending)
        if engine is None:
            raise Internal("the opening ended without an engine: this is a defect")
        target = DatabaseTarget(engine, self._path)
        if self._log is not None:
            target.traced.listeners.add(self._log)
        database = Database(target)
        if self._migrations is not None:
            try:
                await Migrator(target, self._migrations, self._path).run()
            except (Exception, asyncio.CancelledError):
                # What went wrong first is what its caller has to know.
                with contextlib.suppress(Error):
                    await database.close()
                raise
        return database


def open(  # noqa: A001 - `ubiqlite.open`
    path: str | os.PathLike[str],
    *,
    migrations: Migrations | MigrationFiles | None = None,
    read_only: bool | None = None,
    create: bool | None = None,
    readers: int | None = None,
    sessions: int | None = None,
    busy_timeout: Seconds | None = None,
    acquire_timeout: Seconds | None = None,
    stall_timeout: Seconds | None = None,
    foreign_keys: bool | None = None,
    trusted_schema: bool | None = None,
    cache_kib: int | None = None,
    statement_cache: int | None = None,
    wal_limit: int | None = None,
    journal_mode: JournalMode | None = None,
    synchronous: Synchronous | None = None,
    inline: bool | None = None,
    leases: bool | None = None,
    slow_statement: Seconds | None = None,
    log_statements: bool = False,
) -> Opening:
    """Opens a database: a file, which is created if it is missing, or ``":memory:"``.

    The defaults are safe and fast, and an option that is ``None`` has its default::

        async with ubiqlite.open("app.db") as db:
            await db.execute("CREATE TABLE IF NOT EXISTS items (id INTEGER PRIMARY KEY, name TEXT)")

    With ``migrations`` it has its tables before it is used::

        async with ubiqlite.open("app.db", migrations="migrations") as db:
            await db.execute("INSERT INTO items (name) VALUES ('lamp')")

    :param migrations: brings the schema up to date before the database is used: a folder of SQL files, by its path or
        of a package, names with texts, or :class:`Migrations` with options. An error closes the database again
    :param read_only: opens for reading only; the database must exist. Default: false
    :param create: creates the database if it is missing. Default: true
    :param readers: how many streams and snapshots can be open at once, from 1 to 64. Default: the number of
        processors, at least 2 and at most 8
    :param sessions: how many sessions ``acquire()`` gives out at once, from 1 to 64. Default: 8
    :param busy_timeout: seconds that a write waits for a lock; then ``Busy``. Default: 5
    :param acquire_timeout: seconds that reads, streams, ``acquire()`` and ``snapshot()`` wait for a connection; then
        ``Timeout``. Default: 30
    :param stall_timeout: seconds that a stream or snapshot may stall while the log is beyond ``wal_limit``.
        Default: 5
    :param foreign_keys: whether foreign keys are enforced. Default: true
    :param trusted_schema: whether views and triggers may use functions that are not marked innocuous.
        Default: false
    :param cache_kib: the page cache of each connection, in KiB. Default: 8192
    :param statement_cache: how many prepared statements each connection keeps. Default: 128
    :param wal_limit: the size in bytes that the log may reach because of stalled readers. Default: 64 MiB
    :param journal_mode: how commits are made atomic; a file in another mode is switched to it. Default: ``"wal"``
        for a new database, and for an existing one the mode it is in
    :param synchronous: when a commit waits for the disk. Default: ``"full"``, which is affordable because commits
        share their wait
    :param inline: whether short statements run on the calling thread, which is far faster. Default: true
    :param leases: whether readers keep their read transaction until the next commit. Default: true
    :param slow_statement: seconds; a call that runs for at least so long is logged by the logger
        ``ubiqlite.statements`` at the level ``WARNING``. How long it waited does not count. Default: none is
    :param log_statements: whether that logger logs all other calls, at the level ``DEBUG``. Default: false
    :raises CannotOpen: and ``NotADatabase``, ``ReadOnly``, ``Busy``, ``Io``, when the result is awaited
    :raises SchemaTooNew: if a newer program has applied migrations that are not among the files. With ``migrations``,
        also the other errors of :meth:`Migrator.run`
    :raises InvalidArgument: for an option that can't be used
    """
    given = {name: value for name, value in locals().items() if name not in _NOT_SETTINGS}
    return Opening(
        path_of(path, "of a database"), _settings(given), _files(migrations), _log(slow_statement, log_statements)
    )


def deserialize(
    data: bytes | bytearray | memoryview,
    *,
    migrations: Migrations | MigrationFiles | None = None,
    readers: int | None = None,
    sessions: int | None = None,
    busy_timeout: Seconds | None = None,
    acquire_timeout: Seconds | None = None,
    stall_timeout: Seconds | None = None,
    foreign_keys: bool | None = None,
    trusted_schema: bool | None = None,
    cache_kib: int | None = None,
    statement_cache: int | None = None,
    inline: bool | None = None,
    slow_statement: Seconds | None = None,
    log_statements: bool = False,
) -> Opening:
    """Opens a database in memory with the content of ``data``: the bytes of a database file, less than 2 GiB.

    They are those of :meth:`Database.serialize` for example. The options are those of :func:`open`::

        data = await db.serialize()
        async with ubiqlite.deserialize(data) as copy:
            await copy.execute("DELETE FROM items")

    :param data: the bytes, which are copied
    :raises NotADatabase: for bytes of another format, when the result is awaited
    :raises Corrupt: for a damaged database, when the result is awaited
    :raises InvalidArgument: for what is not bytes, and for an option that can't be used
    :raises TooBig: for too many bytes
    """
    given = {name: value for name, value in locals().items() if name not in _NOT_SETTINGS}
    log = _log(slow_statement, log_statements)
    return Opening(":memory:", _settings(given), _files(migrations), log, content_of(data))


def _log(slow_statement: Seconds | None, log_statements: bool) -> Optional[TraceListener]:
    return logging_of(duration_of(slow_statement, "slow_statement"), log_statements)


def _settings(given: dict[str, Any]) -> str:
    """Returns options as they are sent."""
    given = {name: value for name, value in given.items() if value is not None}
    for name in _TIMES:
        if name in given:
            given[name] = millis(given[name], name)
    if given.get("busy_timeout", 0) is None:
        given["busy_timeout"] = 0xFFFFFFFF
    try:
        return json.dumps({name: value for name, value in given.items() if value is not None})
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"the database can't be opened with these arguments: {error}") from None


async def recover(
    source: str | os.PathLike[str], path: str | os.PathLike[str], *, timeout: TimeLimit = None
) -> Recovered:
    """Writes all that can be read of the damaged database file ``source`` into the new database file ``path``.

    It is as :meth:`Database.recover`, of a file that need not be open, and perhaps can't be opened. Others may have it
    open: a transaction that was not finished is rolled back, and nothing else is changed.

    Raises ``CannotOpen`` if ``source`` does not exist, or ``path`` can't be created; ``InvalidArgument`` if ``path``
    exists; ``NotADatabase`` if nothing in the file is of a database::

        saved = await ubiqlite.recover("damaged.db", "saved.db")
        for table, rows in saved.tables.items():
            print(table, rows)
    """
    damaged = path_of(source, "of the damaged database")
    if not damaged:
        raise InvalidArgument("the path of the damaged database is empty")
    async with Opening(":memory:", "{}", None) as db:
        return await recovered(db._target, damaged, path, timeout)


def _files(migrations: Migrations | MigrationFiles | None) -> Optional[Migrations]:
    return None if migrations is None else migrations_of(migrations)


async def restore_replica(
    folder: str | os.PathLike[str] | ReplicaStorage,
    path: str | os.PathLike[str],
    *,
    to: int | datetime | None = None,
    timeout: Seconds | None = None,
) -> int:
    """Makes the database of a moment of the replica in ``folder``, in the new file ``path``.

    The moment is the newest one, or with ``to`` that of a transaction, by its number, or the newest one whose
    transaction was read from the log at or before a time; a ``datetime`` without a time zone is local time. All
    checksums are verified, and the file gets its name when it is complete. Returns the number of its last
    transaction::

        await ubiqlite.restore_replica("backup", "yesterday.db", to=datetime.now() - timedelta(days=1))

    :param folder: that of :meth:`Database.replicate`, or of litestream; or a storage of the program's own
    :param path: the new file
    :param to: the moment
    :param timeout: for all of it, in seconds; nothing is left of the file then
    :raises NotFound: if there is no replica, no such moment of it, or a file is missing
    :raises Corrupt: for a damaged file, which the message names
    :raises InvalidArgument: if ``path`` exists
    """
    async with open(":memory:") as any_database:
        return await restore(any_database._target, folder, path, to, timeout)
