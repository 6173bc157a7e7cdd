"""Cursors as SQLAlchemy calls them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Optional

from ..aiosqlite import _cursor
from ..aiosqlite._state import CursorState

if TYPE_CHECKING:
    from ._connection import Connection

__all__ = ["Cursor", "StreamingCursor"]


class Cursor(CursorState):
    """A cursor that has all rows of a result once its statement has run."""

    __slots__ = ("_at", "_connection", "_cursor", "_rows")

    server_side = False

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._cursor = _cursor.Cursor(connection.jobs)
        self._rows: list[Any] = []
        self._at = 0

    def execute(self, operation: str, parameters: Any = None) -> None:
        """Runs a statement, and fetches its rows with the same call."""
        connection, cursor = self._connection, self._cursor
        connection.enter()
        job = cursor.begin(operation, () if parameters is None else parameters, cursor.steps_rest)
        # Within a call all rows are there, or there is a job for them.
        self._rows = (cursor.ready(-1) or []) if job is None else connection.outcome(job)
        self._at = 0

    def executemany(self, operation: str, seq_of_parameters: Iterable[Any]) -> None:
        """Runs a statement for each set of parameters."""
        connection = self._connection
        self._rows, self._at = [], 0
        connection.outcome(connection.enter().submit(self._cursor.steps_executemany(operation, seq_of_parameters)))

    def fetchone(self) -> Any:
        """Returns the next row, or ``None``."""
        at = self._at
        if at >= len(self._rows):
            return None
        self._at = at + 1
        return self._rows[at]

    def fetchmany(self, size: Optional[int] = None) -> list[Any]:
        """Returns the next ``size`` rows, or ``arraysize`` rows if ``size`` is not given."""
        at = self._at
        rows = self._rows[at : at + (self.arraysize if size is None else size)]
        self._at = at + len(rows)
        return rows

    def fetchall(self) -> list[Any]:
        """Returns all remaining rows."""
        rows, at = self._rows, self._at
        self._rows, self._at = [], 0
        return rows[at:] if at else rows

    def close(self) -> None:
        """Drops the rows that have not been fetched. The statement has ended before."""
        self._rows, self._at = [], 0

    async def _async_soft_close(self) -> None:
        """Leaves the rows to be fetched, and has nothing to close."""

    def setinputsizes(self, *sizes: Any) -> None:
        """Does nothing, as in ``sqlite3``."""

    def setoutputsize(self, size: Any, column: Any = None) -> None:
        """Does nothing, as in ``sqlite3``."""

    def __iter__(self) -> Iterator[Any]:
        while (row := self.fetchone()) is not None:
            yield row

    def __enter__(self) -> Cursor:
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()


class StreamingCursor(Cursor):
    """A cursor that fetches rows as they are needed: its statement runs until it is closed or has no more."""

    __slots__ = ()

    server_side = True

    def execute(self, operation: str, parameters: Any = None) -> None:
        """Runs a statement up to its first rows."""
        connection = self._connection
        connection.enter()
        job = self._cursor.begin(operation, () if parameters is None else parameters)
        if job is not None:
            connection.outcome(job)

    def fetchone(self) -> Any:
        """Returns the next row, or ``None``."""
        rows = self._next(1)
        return rows[0] if rows else None

    def fetchmany(self, size: Optional[int] = None) -> list[Any]:
        """Returns the next ``size`` rows, or ``arraysize`` rows if ``size`` is not given."""
        return self._next(self.arraysize if size is None else size)

    def fetchall(self) -> list[Any]:
        """Returns all remaining rows."""
        return self._next(-1)

    def _next(self, most: int) -> list[Any]:
        connection, cursor = self._connection, self._cursor
        jobs = connection.enter()
        # Usually they have been fetched already.
        rows = cursor.ready(most) if jobs.active is None else None
        return connection.outcome(jobs.submit(cursor.steps_fetch(most))) if rows is None else rows

    def close(self) -> None:
        """Ends the statement."""
        if not self._cursor.close_now():
            connection = self._connection
            connection.outcome(connection.enter().submit(self._cursor.steps_close()))
