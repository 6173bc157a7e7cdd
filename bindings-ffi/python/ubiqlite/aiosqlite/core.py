"""The connection with the API of ``aiosqlite``."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Callable, Optional, TypeVar, Union
from warnings import warn

from .._pause import NOW_AND_THEN, pause
from . import _connection, _cursor
from ._jobs import Steps
from ._private import Queue, Thread
from .context import contextmanager
from .cursor import Cursor

__all__ = ["Connection", "Cursor", "connect"]

T = TypeVar("T")


class Connection:
    """A connection whose calls are awaited. ``await`` or ``async with`` opens it."""

    def __init__(
        self,
        connector: Callable[[], _connection.Connection],
        iter_chunk_size: int,
        loop: Optional[asyncio.AbstractEventLoop] = None,
    ) -> None:
        self._running = True
        self._connection: Optional[_connection.Connection] = None
        self._connector = connector
        self._iter_chunk_size = iter_chunk_size
        self._calls = 0
        self._executor: Optional[ThreadPoolExecutor] = None
        self._thread = Thread()
        if loop is not None:
            warn("aiosqlite.Connection no longer uses the `loop` parameter", DeprecationWarning, 2)

    def __del__(self) -> None:
        if self.__dict__.get("_connection") is None:
            return
        warn(
            f"{self!r} was deleted before being closed. "
            "Please use 'async with' or '.close()' to close the connection properly.",
            ResourceWarning,
            stacklevel=1,
        )
        self.stop()

    def stop(self) -> Optional[asyncio.Future[None]]:
        """Ends the connection after all earlier calls have completed. Prefer ``await close()``."""
        self._running = False
        connection, self._connection = self._connection, None
        job = None if connection is None else connection.let_go()
        executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(wait=False)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return None
        future: asyncio.Future[None] = loop.create_future()
        if connection is None or job is None or not connection.tell(job, future):
            future.set_result(None)
        return future

    @property
    def _conn(self) -> _connection.Connection:
        if self._connection is None:
            raise ValueError("no active connection")
        return self._connection

    @property
    def _tx(self) -> Queue:
        return Queue(self)

    def _usable(self) -> _connection.Connection:
        if not self._running or self._connection is None:
            raise ValueError("Connection closed")
        return self._connection

    async def _drive(self, steps: Steps[T]) -> T:
        connection = self._usable()
        self._calls += 1
        if not self._calls & NOW_AND_THEN:
            await pause()
        return await connection.drive(steps)

    async def _run(self, cursor: _cursor.Cursor, sql: str, parameters: Optional[Iterable[Any]]) -> None:
        """Runs a statement on a cursor."""
        connection = self._usable()
        rest = cursor.begin(sql, () if parameters is None else parameters)
        if rest is not None:
            await connection.wait(rest)
        self._calls += 1
        if cursor.rowcount >= 0 or not self._calls & NOW_AND_THEN:
            # Other tasks can write before this one commits, and one commit then covers all of it.
            # And no task keeps the loop for long.
            await pause()

    async def _end(self, commit: bool) -> None:
        connection = self._conn
        rest = connection.end(commit)
        if rest is not None:
            await connection.wait(rest)
        elif commit:
            # Otherwise the next commit, which this one left with nothing to do, would include what
            # this task writes next.
            await pause()

    async def _execute(self, fn: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Runs a function that uses the connection on a separate thread."""
        if not self._running or not self._connection:
            raise ValueError("Connection closed")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool(), partial(fn, *args, **kwargs))

    def _pool(self) -> ThreadPoolExecutor:
        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, "ubiqlite-aiosqlite")
        return self._executor

    def _execute_insert(self, sql: str, parameters: Any) -> Any:
        cursor = self._conn.execute(sql, parameters)
        return cursor.execute("SELECT last_insert_rowid()").fetchone()

    def _execute_fetchall(self, sql: str, parameters: Any) -> list[Any]:
        return self._conn.execute(sql, parameters).fetchall()  # type: ignore[no-any-return]

    async def _connect(self) -> Connection:
        if self._connection is None:
            try:
                connection = self._connector()
                if not isinstance(connection, _connection.Connection):
                    raise sqlite3.NotSupportedError(
                        "the connector has to give a connection of ubiqlite's; use connect()"
                    )
                try:
                    await connection.drive(connection.steps_open())
                except BaseException:
                    connection.engine.release()
                    raise
            except BaseException:
                self.stop()
                raise
            self._connection = connection
        return self

    def __await__(self) -> Generator[Any, None, Connection]:
        return self._connect().__await__()

    async def __aenter__(self) -> Connection:
        return await self

    async def __aexit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        await self.close()

    @contextmanager
    async def cursor(self) -> Cursor:
        """Makes a cursor for statements of its own."""
        return Cursor(self, _cursor.Cursor(self._conn))

    async def commit(self) -> None:
        """Commits the transaction; does nothing if none is open."""
        await self._end(True)

    async def rollback(self) -> None:
        """Rolls the transaction back; does nothing if none is open."""
        await self._end(False)

    async def close(self) -> None:
        """Completes earlier calls, then closes. An open transaction is rolled back."""
        connection = self._connection
        if connection is None:
            return
        try:
            await self._drive(connection.steps_close())
        finally:
            self.stop()

    @contextmanager
    async def execute(self, sql: str, parameters: Optional[Iterable[Any]] = None) -> Cursor:
        """Makes a cursor and runs a statement on it."""
        cursor = _cursor.Cursor(self._conn)
        await self._run(cursor, sql, parameters)
        return Cursor(self, cursor)

    @contextmanager
    async def execute_insert(self, sql: str, parameters: Optional[Iterable[Any]] = None) -> Any:
        """Runs an ``INSERT`` and returns a row with the new row's id."""
        cursor = _cursor.Cursor(self._conn)
        return await self._drive(cursor.steps_insert(sql, () if parameters is None else parameters))

    @contextmanager
    async def execute_fetchall(self, sql: str, parameters: Optional[Iterable[Any]] = None) -> list[Any]:
        """Runs a query and returns all its rows."""
        cursor = _cursor.Cursor(self._usable())
        job = cursor.begin(sql, () if parameters is None else parameters, cursor.steps_rest)
        rows: Any = cursor.ready(-1) if job is None else await self._usable().wait(job)
        self._calls += 1
        if not self._calls & NOW_AND_THEN:
            await pause()
        return rows  # type: ignore[no-any-return]

    @contextmanager
    async def executemany(self, sql: str, parameters: Iterable[Iterable[Any]]) -> Cursor:
        """Makes a cursor and runs a statement on it for each set of parameters."""
        cursor = _cursor.Cursor(self._conn)
        await self._drive(cursor.steps_executemany(sql, parameters))
        return Cursor(self, cursor)

    @contextmanager
    async def executescript(self, sql_script: str) -> Cursor:
        """Makes a cursor and runs a script on it."""
        cursor = _cursor.Cursor(self._conn)
        await self._drive(cursor.steps_executescript(sql_script))
        return Cursor(self, cursor)

    async def interrupt(self) -> None:
        """Stops the running statement: its call raises ``OperationalError``."""
        return self._conn.interrupt()

    async def create_function(
        self, name: str, num_params: int, func: Callable[..., Any], deterministic: bool = False
    ) -> None:
        """Registers a Python function as a SQL function.

        ``num_params`` is -1 for any number. The function is called on the connection's thread.
        """
        await self._drive(self._conn.steps_function(name, num_params, func, deterministic))

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._conn.in_transaction

    @property
    def isolation_level(self) -> Optional[str]:
        """How transactions begin implicitly before a change; ``None``: they do not."""
        return self._conn.isolation_level

    @isolation_level.setter
    def isolation_level(self, value: Optional[str]) -> None:
        self._conn.isolation_level = value

    @property
    def row_factory(self) -> Any:
        """Makes a row from ``(cursor, tuple)``, as ``aiosqlite.Row`` does; ``None``: rows are tuples."""
        return self._conn.row_factory

    @row_factory.setter
    def row_factory(self, factory: Any) -> None:
        self._conn.row_factory = factory

    @property
    def text_factory(self) -> Any:
        """Makes a text from its bytes; ``str`` by default."""
        return self._conn.text_factory

    @text_factory.setter
    def text_factory(self, factory: Any) -> None:
        self._conn.text_factory = factory

    @property
    def total_changes(self) -> int:
        """The number of rows changed since the connection was opened."""
        return self._conn.total_changes

    async def enable_load_extension(self, value: bool) -> None:
        """Allows or forbids loading extensions."""
        await self._drive(self._conn.plain(13, bool(value)))

    async def load_extension(self, path: str) -> None:
        """Loads an extension."""
        await self._drive(self._conn.plain(14, path, None))

    async def set_progress_handler(self, handler: Optional[Callable[[], Any]], n: int) -> None:
        """Calls ``handler`` every ``n`` steps of a statement; a true result stops it."""
        await self._drive(self._conn.steps_progress(handler, n))

    async def set_trace_callback(self, handler: Optional[Callable[[str], Any]]) -> None:
        """Calls ``handler`` with each statement that runs."""
        await self._drive(self._conn.steps_trace(handler))

    async def set_authorizer(self, authorizer_callback: Optional[Callable[..., int]]) -> None:
        """Calls ``authorizer_callback`` to decide what a statement may do; ``None``: everything is allowed."""
        await self._drive(self._conn.steps_authorizer(authorizer_callback))

    async def iterdump(self) -> AsyncIterator[str]:
        """Yields the database as lines of SQL."""
        lines = self._conn.iterdump()

        def some() -> list[str]:
            return [line for _, line in zip(range(256), lines)]

        while True:
            batch = await self._execute(some)
            for line in batch:
                yield line
            if len(batch) < 256:
                return

    async def backup(
        self,
        target: Union[Connection, _connection.Connection, sqlite3.Connection],
        *,
        pages: int = 0,
        progress: Optional[Callable[[int, int, int], Any]] = None,
        name: str = "main",
        sleep: float = 0.250,
    ) -> None:
        """Copies the database to that of another connection, ``pages`` at a time.

        0 pages copies everything at once. If a step finds the target or the file locked, the next
        one is tried after ``sleep`` seconds. The target may be a standard ``sqlite3`` connection.
        One of this module's raises ``OperationalError`` for whatever else it is asked for until the
        backup has ended: a statement on it would destroy what is copied.
        """
        if isinstance(target, sqlite3.Connection):
            from ._private import backup_to_standard

            await backup_to_standard(self, target, pages, progress, name, sleep)
            return
        to = target._conn if isinstance(target, Connection) else target
        await self._drive(self._conn.steps_backup(to, pages, progress, name, sleep))


def connect(
    database: Union[str, bytes, Path],
    *,
    iter_chunk_size: int = 64,
    loop: Optional[asyncio.AbstractEventLoop] = None,
    **kwargs: Any,
) -> Connection:
    """Returns a connection to a database file, which must be awaited or entered.

    The other arguments are those of :func:`sqlite3.connect`.
    """
    if loop is not None:
        warn("aiosqlite.connect() no longer uses the `loop` parameter", DeprecationWarning, 2)

    def connector() -> _connection.Connection:
        path = os.fsdecode(database) if isinstance(database, bytes) else str(database)
        return _connection.Connection(path, **kwargs)

    return Connection(connector, iter_chunk_size)
