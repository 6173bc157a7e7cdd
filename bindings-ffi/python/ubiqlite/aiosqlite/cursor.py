"""The cursor with the API of ``aiosqlite``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING, Any, Callable, Optional

from . import _cursor
from ._state import CursorState

if TYPE_CHECKING:
    from .core import Connection

__all__ = ["Cursor"]


class Cursor(CursorState):
    """A cursor whose calls are awaited."""

    def __init__(self, conn: Connection, cursor: _cursor.Cursor) -> None:
        self.iter_chunk_size = conn._iter_chunk_size
        self._conn = conn
        self._cursor = cursor

    def __aiter__(self) -> AsyncIterator[Any]:
        """Yields the rows one by one; they are fetched many at a time."""
        return self._fetch_chunked()

    async def _fetch_chunked(self) -> AsyncIterator[Any]:
        while True:
            rows = await self.fetchmany(self.iter_chunk_size)
            if not rows:
                return
            for row in rows:
                yield row

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Runs a function on the connection's own thread."""
        return await self._conn._execute(fn, *args, **kwargs)

    async def execute(self, sql: str, parameters: Optional[Iterable[Any]] = None) -> Cursor:
        """Runs a statement."""
        await self._conn._run(self._cursor, sql, parameters)
        return self

    async def executemany(self, sql: str, parameters: Iterable[Iterable[Any]]) -> Cursor:
        """Runs a statement for each set of parameters."""
        await self._conn._drive(self._cursor.steps_executemany(sql, parameters))
        return self

    async def executescript(self, sql_script: str) -> Cursor:
        """Runs all statements of a script; an open transaction is committed first."""
        await self._conn._drive(self._cursor.steps_executescript(sql_script))
        return self

    async def fetchone(self) -> Any:
        """Returns the next row, or ``None``."""
        rows = await self.fetchmany(1)
        return rows[0] if rows else None

    async def fetchmany(self, size: Optional[int] = None) -> list[Any]:
        """Returns the next ``size`` rows, or ``arraysize`` rows if ``size`` is not given."""
        cursor = self._cursor
        if size is None:
            size = cursor.arraysize
        # Usually they have already been fetched.
        connection = self._conn._connection
        rows = cursor.ready(size) if connection is not None and connection.active is None else None
        return await self._conn._drive(cursor.steps_fetch(size)) if rows is None else rows

    async def fetchall(self) -> list[Any]:
        """Returns all remaining rows."""
        return await self.fetchmany(-1)

    async def close(self) -> None:
        """Closes the cursor."""
        connection = self._conn._connection
        if connection is None or not self._cursor.close_now():
            await self._conn._drive(self._cursor.steps_close())

    @property
    def row_factory(self) -> Any:
        """Makes a row from ``(cursor, tuple)``; ``None``: rows are tuples."""
        return self._cursor.row_factory

    @row_factory.setter
    def row_factory(self, factory: Any) -> None:
        self._cursor.row_factory = factory

    @property
    def connection(self) -> Any:
        """The underlying connection, which needs no event loop."""
        return self._cursor.connection

    async def __aenter__(self) -> Cursor:
        return self

    async def __aexit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        await self.close()
