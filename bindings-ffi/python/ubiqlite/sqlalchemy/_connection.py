"""A connection as SQLAlchemy calls it: without ``await``, in a greenlet that waits for what is not there at once."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Callable, Optional, TypeVar

from sqlalchemy.engine import AdaptedConnection
from sqlalchemy.util.concurrency import await_only, in_greenlet

from .._pause import pause
from ..aiosqlite import _connection
from ..aiosqlite._jobs import Job, Steps
from ..aiosqlite.core import Connection as DriverConnection
from ._cursor import Cursor, StreamingCursor

if TYPE_CHECKING:
    from ._dbapi import Dbapi

__all__ = ["Connection"]

T = TypeVar("T")

_NOW_AND_THEN = 15
"""A mask: one in 16 statements first gives other tasks a turn. SQLAlchemy itself takes about 0.1 ms for each."""


_PATIENCE = 2.0
"""Seconds that a cancelled task waits for a statement to stop: SQLite does not stop waiting for a lock."""


async def _closed(connection: DriverConnection, patience: Optional[float]) -> None:
    """Closes a connection, which ends by itself if that takes long, or if this is cancelled."""
    closing = asyncio.ensure_future(connection.close())
    # Nobody else asks for its outcome.
    closing.add_done_callback(lambda done: done.cancelled() or done.exception())
    await asyncio.wait({closing}, timeout=patience)


class _Nothing:
    """Awaits nothing, and gives no other task a turn."""

    __slots__ = ()

    def __await__(self) -> Iterator[Any]:
        return iter(())


_NOTHING: Any = _Nothing()


class Connection(AdaptedConnection):
    """One connection of a pool."""

    __slots__ = ("_calls", "dbapi", "jobs")

    _connection: Any

    def __init__(self, dbapi: Dbapi, connection: DriverConnection) -> None:
        self.dbapi = dbapi
        self._connection = connection
        self.jobs: _connection.Connection = connection._conn
        self._calls = 0

    def enter(self) -> _connection.Connection:
        """Must be called before anything is asked of the connection, which is returned.

        Raises ``MissingGreenlet`` outside SQLAlchemy's asynchronous methods, also for what would be done within the
        call: whether that is so, no program can know.
        """
        self._calls += 1
        # SQLAlchemy requires of a driver that it awaits something, and raises outside its greenlets.
        await_only(_NOTHING if self._calls & _NOW_AND_THEN else pause())
        return self.jobs

    def outcome(self, job: Job[T]) -> T:
        """Waits for a job."""
        if job.done:
            return job.outcome()
        jobs = self.jobs
        try:
            return await_only(jobs.wait(job))
        except BaseException:
            if not job.done and jobs.active is job:
                # The task was cancelled. SQLAlchemy then closes the connection, which must not wait for
                # something that nobody waits for.
                self._interrupt()
            raise

    def _interrupt(self) -> None:
        with contextlib.suppress(sqlite3.ProgrammingError):
            self.jobs.interrupt()

    def cursor(self, server_side: bool = False) -> Cursor:
        """Makes a cursor; one with ``server_side`` fetches rows as they are needed."""
        return StreamingCursor(self) if server_side else Cursor(self)

    def execute(self, operation: str, parameters: Any = None) -> Cursor:
        """Runs a statement on a new cursor."""
        cursor = self.cursor()
        cursor.execute(operation, parameters)
        return cursor

    def commit(self) -> None:
        """Commits the transaction, if one is open."""
        self._end(True)

    def rollback(self) -> None:
        """Rolls the transaction back, if one is open."""
        self._end(False)

    def _end(self, commit: bool) -> None:
        jobs = self.jobs
        if self._connection._connection is None or (jobs.active is None and not jobs.in_transaction):
            # Closed, and so rolled back; or none is open, as after most reads.
            return
        self.enter()
        job = jobs.end(commit)
        if job is not None:
            # Not interrupted: a commit that has begun ends, whether somebody waits for it or not.
            await_only(jobs.wait(job))
        elif commit:
            # Whoever waits for the lock can have it before this task writes again.
            await_only(pause())

    def close(self) -> None:
        """Closes the connection: at once if nobody can wait for it."""
        if in_greenlet():
            await_only(self._connection.close())
        else:
            self._connection.stop()

    def terminate(self) -> None:
        """Stops what is running, rolls back and closes."""
        if self._connection._connection is not None:
            busy = self.jobs.active is not None
            if busy:
                self._interrupt()
            if in_greenlet():
                # What it may wait for otherwise is its own rollback.
                await_only(_closed(self._connection, _PATIENCE if busy else None))
            else:
                self._connection.stop()

    @property
    def isolation_level(self) -> Any:
        """How a transaction begins before a change; ``None``: none does."""
        return self.jobs.isolation_level

    @isolation_level.setter
    def isolation_level(self, value: Any) -> None:
        if value is None and self.jobs.in_transaction:
            # As `sqlite3` does, but without blocking the loop.
            self.commit()
        self.jobs.isolation_level = value

    @property
    def autocommit(self) -> Any:
        """As in :class:`sqlite3.Connection`."""
        return self.jobs.autocommit

    @autocommit.setter
    def autocommit(self, value: Any) -> None:
        self._run(self.jobs.steps_autocommit(value))

    @property
    def follows_autocommit(self) -> bool:
        """Whether ``autocommit`` says when transactions begin, and not ``isolation_level``."""
        return isinstance(self.jobs.autocommit, bool)

    def create_function(self, name: str, narg: int, func: Any, *, deterministic: bool = False) -> None:
        """Registers a Python function as a SQL function, which is called on the connection's thread."""
        self._run(self.jobs.steps_function(name, narg, func, deterministic))

    def add_functions(self, functions: Mapping[tuple[str, int], Callable[..., Any]]) -> None:
        """Registers functions, by name and number of arguments, that are short and leave the connection alone."""
        jobs = self.jobs

        def steps() -> Steps[None]:
            for (name, narg), function in functions.items():
                yield from jobs.steps_function(name, narg, function, True, anywhere=True)

        self._run(steps())

    def _run(self, steps: Steps[Any]) -> None:
        self.outcome(self.enter().submit(steps))
